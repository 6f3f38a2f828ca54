"""What lies between the containers and everything else: their network, its firewall, and the way out.

Used by the keeper alone.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable

from . import firewall
from .netlink import RTM_DELLINK
from .network import Network
from .policy import Policy
from .reactor import Reactor
from .uplink import Uplink, missing


class Border:
    """Guards the network.

    Args:
        reactor: tells of changes on the host and in the network.
        on_cut: called when a veth has ended.
        on_degraded: called with what does not work, in a plain sentence.
    """

    def __init__(
        self, reactor: Reactor, on_cut: Callable[[], None], on_degraded: Callable[[str], None]
    ) -> None:
        self._reactor, self._on_cut, self._on_degraded = reactor, on_cut, on_degraded
        self.network = Network()
        self.policy = Policy(self.network.filter.apply)
        self._uplink = Uplink(self.network.netns, self.network.outside)

    def open(self) -> None:
        """Close the border to all but what is granted, then open the way out."""
        with self.network.entered():
            _nft(firewall.table())
        self._refresh_host()
        why = self.network.outside.do(missing)
        if why is None:
            self._uplink.start(time.monotonic())
        else:
            self._on_degraded(why)
        self._reactor.watch(self.network.host, self._on_host_change)
        self._reactor.watch(self.network.changes, self._on_link_change)

    def sockets(self, count: int) -> list[int]:
        """Unconnected TCP sockets of the engine's network."""
        kind = socket.SOCK_STREAM | socket.SOCK_NONBLOCK
        with self.network.entered():
            return [socket.socket(socket.AF_INET, kind).detach() for _ in range(count)]

    def reaped(self, pid: int, status: int) -> bool:
        """Take note of an ended child; whether it was one of ours."""
        if pid != self._uplink.pid:
            return False
        why = self._uplink.ended(status, time.monotonic())
        if why:
            self._on_degraded(why)
        return True

    def _on_host_change(self) -> None:
        with contextlib.suppress(OSError):  # news were lost: all the more reason to look
            self.network.host.drain()
        self._refresh_host()

    def _refresh_host(self) -> None:
        """Keep the host's own addresses out of containers' reach, public ones too."""
        addresses = self.network.host_addresses()
        with self.network.entered():
            _nft(firewall.host_addresses(addresses))

    def _on_link_change(self) -> None:
        with contextlib.suppress(OSError):
            if not any(kind == RTM_DELLINK for kind, _body in self.network.changes.drain()):
                return
        self._on_cut()


def _nft(script: str) -> None:
    """Run a script of nft's in the current network namespace, as one transaction."""
    source = os.memfd_create("nft", os.MFD_CLOEXEC)
    try:
        os.write(source, script.encode())
        os.lseek(source, 0, os.SEEK_SET)
        pid = os.posix_spawn(
            "/usr/sbin/nft", ["nft", "-f", "-"], {"PATH": "/usr/sbin:/usr/bin"},
            file_actions=[(os.POSIX_SPAWN_DUP2, source, 0)],
        )  # fmt: skip
    finally:
        os.close(source)
    _pid, status = os.waitpid(pid, 0)
    if status:
        raise OSError(f"nft refused the firewall (status {status}); its words are in this log")
