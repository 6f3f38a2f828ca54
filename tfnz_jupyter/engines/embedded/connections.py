"""The engine's network as the location uses it: connections to containers, and leave for one to reach another."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable

from ...errors import EngineFailed
from ..dialling import dial
from . import messages
from .container import Container
from .link import GONE, Link

_SOCKETS = 16  # asked for at once


class Connections:
    """Asks the keeper, who alone can enter the engine's network.

    Args:
        keeper: the link to it.
        live: the container of an id; raises ``ContainerEnded``.
    """

    def __init__(
        self, keeper: Callable[[], Awaitable[Link]], live: Callable[[str], Container]
    ) -> None:
        self._keeper, self._live = keeper, live
        self._sockets: list[int] = []
        self._refilling = asyncio.Lock()

    async def allow(self, server: str, client: str) -> None:
        """See :meth:`~tfnz_jupyter.engines.base.Engine.allow`."""
        try:
            self._require(server, client)
            await self._permit(server, client, allowed=True)
        except EngineFailed:
            self._require(server, client)
            raise

    async def disallow(self, server: str, client: str) -> None:
        """See :meth:`~tfnz_jupyter.engines.base.Engine.disallow`."""
        await self._permit(server, client, allowed=False)

    async def dial(self, container: str, port: int) -> socket.socket:
        """See :meth:`~tfnz_jupyter.engines.base.Engine.dial`."""
        found = self._live(container)
        return await dial(found.ip, port, socket.socket(fileno=await self._socket()))

    def drop(self) -> None:
        """Let go of what a keeper gave that has ended."""
        for fd in self._sockets:
            os.close(fd)
        self._sockets.clear()

    def _require(self, *containers: str) -> None:
        for container in containers:
            self._live(container)

    async def _permit(self, server: str, client: str, *, allowed: bool) -> None:
        link = await self._keeper()
        await link.ask(messages.Allow(link.number(), client, server, allowed))

    async def _socket(self) -> int:
        """An unconnected socket of the engine's network, from a small stock."""
        async with self._refilling:
            if not self._sockets:
                await self._fetch_sockets()
            return self._sockets.pop()

    async def _fetch_sockets(self) -> None:
        link = await self._keeper()
        _answer, fds = await link.ask(messages.Sockets(link.number(), _SOCKETS))
        if link.ended:
            for fd in fds:
                os.close(fd)
            raise EngineFailed(GONE)
        self._sockets += fds
