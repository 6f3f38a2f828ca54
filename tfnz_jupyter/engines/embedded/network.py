"""The engine's network: one namespace all containers' veths end in, one for each container, and the way out.

Routed /32 pairs, not a bridge: a bridge's filter fails open without br_netfilter and lets addresses be spoofed; here the
host end's route and rp_filter pin each address to its wire. Used by the keeper alone, which is single-threaded and so
may walk in and out of namespaces.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable
from ipaddress import IPv4Address

from . import netlink
from .bundle import IDS
from .firewall import GATEWAY, NETWORK, TABLE
from .netlink import Netlink
from .nfnetlink import Nfnetlink
from .outside import Outside
from .syscalls import CLONE_NEWNET, inside_network, new_network, unshare
from .userns import whole

_MTU = (
    65520  # pasta hands on what a packet holds: bigger is faster, and both ends are in this kernel
)
_INSIDE = (
    64  # ifindex of eth0; the lowest ones may be taken by tunnel devices the kernel adds by itself
)
_OUTSIDE = 1000  # ifindex of a container's outer end is this plus the number in its address
_GATEWAY_MAC = bytes.fromhex("02007c000001")
_FIRST, _LAST = 2, NETWORK.num_addresses - 2

_ENGINE_SYSCTLS = {
    "ipv4/ip_forward": "1",
    "ipv4/conf/all/rp_filter": "1",
    "ipv4/conf/default/rp_filter": "1",
    "ipv4/conf/all/accept_redirects": "0",
    "ipv4/conf/default/accept_redirects": "0",
    "ipv4/conf/all/send_redirects": "0",
    "ipv4/conf/default/send_redirects": "0",
    "ipv4/icmp_ratemask": "0",  # a refusal is told every time, not once a second
    "ipv6/conf/all/disable_ipv6": "1",
    "ipv6/conf/default/disable_ipv6": "1",
}
# The container's user namespace does not own its network namespace: what it may do there is decided here.
_CONTAINER_SYSCTLS = {
    "ipv4/ip_unprivileged_port_start": "0",
    "ipv6/conf/all/disable_ipv6": "1",
    "ipv6/conf/default/disable_ipv6": "1",
}


def _set(sysctls: dict[str, str]) -> None:
    for name, value in sysctls.items():
        with contextlib.suppress(FileNotFoundError):  # a kernel without IPv6 has none to disable
            fd = os.open(f"/proc/sys/net/{name}", os.O_WRONLY)
            try:
                os.write(fd, value.encode())
            finally:
                os.close(fd)


class Wire:
    """One container's network namespace and address."""

    def __init__(self, number: int, netns: int) -> None:
        self.number = number
        self.ip = NETWORK[number]
        self.netns = netns

    @property
    def index(self) -> int:
        return _OUTSIDE + self.number


class Network:
    """The engine namespace and the containers' wires into it."""

    def __init__(self) -> None:
        self.outside = Outside()
        self.host = Netlink(netlink.RTMGRP_IPV4_IFADDR)
        unshare(CLONE_NEWNET)  # for good: this thread is in an empty one when in none of ours
        self.home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self.netns = new_network(self.home)
        self._last_group = 2147483647 if whole() else IDS  # the kernel wants one there is
        self._next = _FIRST
        self._used: set[int] = set()
        with self.entered():
            self._link = Netlink()
            self.changes = Netlink(netlink.RTMGRP_LINK)
            self.filter = Nfnetlink(TABLE)
            _set(_ENGINE_SYSCTLS)
        # An address nobody has leads to the firewall too, which refuses it as it does those that somebody has.
        self._link.ask(
            [netlink.link_up(1), netlink.address(1, GATEWAY), netlink.network(1, NETWORK)]
        )

    def entered(self) -> contextlib.AbstractContextManager[None]:
        return inside_network(self.netns, self.home)

    def host_addresses(self) -> frozenset[IPv4Address]:
        """The host's own addresses, now. They are asked for on a socket of their own: ``host`` only brings news."""
        asking = self.outside.do(Netlink)
        try:
            return asking.addresses()
        finally:
            asking.close()

    def wire(self, inside: Callable[[], None]) -> Wire:
        """A new namespace with a working eth0; ``inside`` is called in it, once.

        An address is not given out again before all others were: a stale connection must not meet a stranger.
        """
        wire = Wire(self._number(), new_network(self.home))
        try:
            with inside_network(wire.netns, self.home):
                inner = Netlink()
                _set(_CONTAINER_SYSCTLS | {"ipv4/ping_group_range": f"0 {self._last_group}"})
                inside()
            try:
                self._connect(wire, inner)
            finally:
                inner.close()
        except BaseException:
            self.cut(wire)
            raise
        return wire

    def _connect(self, wire: Wire, inner: Netlink) -> None:
        mac = b"\x02\x00\x7c\x01" + wire.number.to_bytes(2, "big")
        peer = ("eth0", _INSIDE, mac, wire.netns)
        self._link.ask([netlink.veth(f"v{wire.number}", wire.index, _GATEWAY_MAC, peer, _MTU)])
        inner.ask(
            [
                netlink.link_up(1),
                netlink.address(_INSIDE, wire.ip),
                netlink.link_up(_INSIDE),
                netlink.neighbour(_INSIDE, GATEWAY, _GATEWAY_MAC),
                netlink.route(_INSIDE, GATEWAY),
                netlink.route(_INSIDE, None, via=GATEWAY),
            ]
        )
        self._link.ask(
            [
                netlink.link_up(wire.index),
                netlink.neighbour(wire.index, wire.ip, mac),
                netlink.route(wire.index, wire.ip, source=GATEWAY),
            ]
        )

    def has_link(self, wire: Wire) -> bool:
        """Whether the outer end of a wire is still there."""
        with self.entered():
            try:
                socket.if_indextoname(wire.index)
            except OSError:
                return False
            return True

    def sever(self, wire: Wire) -> None:
        """Take away a wire that was cut, and whose namespace the kernel still keeps.

        It does so for minutes where a process left words that nobody acknowledges.
        """
        with contextlib.suppress(OSError):  # it has just gone
            self._link.ask([netlink.link_delete(wire.index)])

    def cut(self, wire: Wire) -> None:
        """Let go of a namespace. The veth goes with it: in the background, and sooner told by ``changes``."""
        os.close(wire.netns)
        self._used.discard(wire.number)

    def _number(self) -> int:
        for _ in range(_LAST):
            number, self._next = self._next, self._next % _LAST + 1
            self._next = max(self._next, _FIRST)
            if number not in self._used:
                self._used.add(number)
                return number
        raise OSError(28, "all addresses are in use", str(NETWORK))
