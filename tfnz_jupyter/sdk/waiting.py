"""Waiting for a container to answer: a port, a line it prints, a page."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from ..blocking import verb
from ..errors import TimedOut
from ..wire import messages as m
from . import asking
from .deadline import within
from .reaching import Reaching
from .search import as_pattern, find_line

if TYPE_CHECKING:
    from .tunnel import Tunnel

#: How long a port that answered no 200 is looked at once more (seconds).
_LAST_LOOK = 0.2


class Waiting(Reaching):
    """The part of a container that waits for what runs in it."""

    @verb
    async def wait_tcp(self, dest_port: int, timeout: float | None = 60) -> None:
        """Wait until a port of it accepts connections; the time counts from readiness.

        Raises:
            ContainerEnded: it ended first.
            TimedOut: not within ``timeout`` seconds.
        """
        asking.timeout(timeout)
        port = asking.port(dest_port, "dest_port")
        await self._running()
        async with within(timeout, f"port {port} of {self.name} accepts nothing"):
            await self._connection.call(m.WaitTcp(self.uuid, port))

    @verb
    async def wait_log(
        self,
        pattern: str | bytes | re.Pattern[str] | re.Pattern[bytes],
        timeout: float | None = 60,
    ) -> bytes:
        """Wait until a line it prints, or has printed, matches a regular expression; that line.

        The time counts from readiness.

        Raises:
            ContainerEnded: it ended without printing such a line.
            TimedOut: not within ``timeout`` seconds.
        """
        asking.timeout(timeout)
        wanted = as_pattern(pattern)
        await self._running_or_over()
        async with within(timeout, f"{self.name} has printed nothing like {pattern!r}"):
            line = await find_line(self._connection, self.uuid, wanted)
        if line is None:
            self._raise_over()
        return line

    @verb
    async def wait_http_200(
        self,
        *,
        dest_port: int = 80,
        fqdn: str = "localhost",
        path: str = "",
        timeout: float | None = 60,
    ) -> Tunnel:
        """Wait until a GET answers 200, and return a tunnel to that port; the time counts from readiness.

        Raises:
            ContainerEnded: it ended first.
            TimedOut: not within ``timeout`` seconds.
        """
        asking.timeout(timeout)
        port = asking.port(dest_port, "dest_port")
        await self._running()
        try:
            async with within(
                timeout, f"http://{fqdn}:{port}/{path} of {self.name} answers no 200"
            ):
                await self._connection.call(m.WaitHttp(self.uuid, port, path, fqdn))
        except TimedOut as problem:
            raise TimedOut(problem.message, hint=await self._why_no_200(port)) from None
        return await self._tunnel_to(port)

    async def _why_no_200(self, port: int) -> str:
        """What to look at next."""
        try:
            async with asyncio.timeout(_LAST_LOOK):
                await self._connection.call(m.WaitTcp(self.uuid, port))
        except TimeoutError:
            return (
                f"Nothing listens on its port {port}: does it serve another one, or not on 0.0.0.0?"
            )
        return "It listens there: is the path right? What it has printed may tell."
