"""Ports that lead into a container."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec

from ..blocking import verb
from ..errors import TfnzError, UsageError
from ..wire import messages as m
from . import asking
from .handle import new_id
from .living import Living
from .opening import Opening
from .ports import Ports
from .tunnel import Tunnel

log = logging.getLogger(__name__)
Kind = TypeVar("Kind", bound=Opening)


class Reaching(Living):
    """The part of a container that is reached through tunnels."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._openings: dict[str, Opening] = {}  # tunnels and SSH servers
        self._coming: list[tuple[int, asyncio.Event]] = []  # ports of tunnels that were asked for
        self._ports = Ports(self._connection)
        self._asks: dict[str, m.OpenTunnel | m.OpenSsh] = {}  # what had the open ones opened

    @property
    def tunnels(self) -> list[Tunnel]:
        """Those that are open."""
        return self._open(Tunnel)

    def all_tunnels(self) -> list[Tunnel]:
        """Those that are open."""
        return self.tunnels

    @verb
    async def attach_tunnel(
        self, dest_port: int, *, localport: int | None = None, bind: str | None = None
    ) -> Tunnel:
        """Make a port of this machine lead to a port of the container.

        Args:
            localport: a free one where it is not given, or 0.
            bind: the address to listen on; 127.0.0.1 where it is not given.

        Raises:
            Refused: the port is taken, or needs privileges.
            ContainerEnded: it is over.
        """
        port = asking.port(dest_port, "dest_port")
        wanted = asking.port(localport or 0, "localport", least=0)
        with self._comes(port):
            await self._running()
            ask = m.OpenTunnel(self.uuid, new_id(), port, wanted, bind or "127.0.0.1")
            opened = await self._listen(ask)
            tunnel = Tunnel(ask.tunnel, self._whole, port, opened.address, opened.port)
            self._opened(tunnel)
            return tunnel

    @verb
    async def destroy_tunnel(self, tunnel: Tunnel) -> None:
        """Close a tunnel and its connections.

        Raises:
            UsageError: it is not one of this container's, or closed already.
        """
        await self._shut(tunnel)

    async def _tunnel_to(self, port: int) -> Tunnel:
        """A tunnel to a port: one that is there, or was asked for before, else a new one."""
        while coming := [ended for to, ended in self._coming if to == port]:
            await coming[0].wait()
        for tunnel in self.tunnels:
            if tunnel.port == port:
                return tunnel
        return await self.attach_tunnel.aio(port)

    @contextlib.contextmanager
    def _comes(self, port: int) -> Iterator[None]:
        """Within this, a tunnel to that port has been asked for."""
        mark = (port, asyncio.Event())
        self._coming.append(mark)
        try:
            yield
        finally:
            self._coming.remove(mark)
            mark[1].set()

    def _open(self, kind: type[Kind]) -> list[Kind]:
        return [one for one in self._openings.values() if isinstance(one, kind)]

    def _opened(self, opening: Opening) -> None:
        self._openings[opening.uuid] = opening
        self._tell_all()

    async def _shut(self, opening: Opening) -> None:
        if self._openings.get(opening.uuid) is not opening:
            raise UsageError(f"{opening!r} is not open on {self.name}")
        self._asks.pop(opening.uuid, None)  # a location that is started anew must not open it again
        await self._connection.call(m.CloseTunnel(opening.uuid))
        self._is_shut(opening.uuid)

    async def _listen(self, ask: m.OpenTunnel | m.OpenSsh) -> m.Listening:
        """Have a port of this machine opened; where nobody waits for it any more, it is closed again."""
        near = self._connection.is_near
        try:
            opened = await (self._connection.call(ask) if near else self._ports.open(ask))
        except asyncio.CancelledError:
            self._connection.post(m.CloseTunnel(ask.tunnel))  # it may have been opened already
            raise
        assert isinstance(opened, m.Listening)
        bind = ask.bind if near else ""  # else it is this end that listens
        self._asks[ask.tunnel] = msgspec.structs.replace(ask, local_port=opened.port, bind=bind)
        return opened

    async def _reopen(self) -> None:
        """Have a location that was killed and started anew listen on the same ports; their connections were cut."""
        for key, ask in list(self._asks.items()):
            try:
                await self._connection.call(ask)
            except TfnzError as problem:
                log.warning("%s: a port cannot be opened again: %s", self.name, problem.message)
                self._is_shut(key)

    def _is_shut(self, key: str) -> None:
        self._asks.pop(key, None)
        self._ports.close(key)
        if (opening := self._openings.pop(key, None)) is not None:
            opening._close()
            self._tell_all()
