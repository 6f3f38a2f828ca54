"""What every part of a container stands on: its session, its output, and whether it runs."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Literal, NoReturn, cast, overload

from ..errors import ContainerEnded, from_wire
from ..wire import messages as m
from . import asking
from .condition import Condition
from .connection import Connection
from .following import Following
from .lines import LineRing
from .streams import Incoming, Output, Source

if TYPE_CHECKING:
    from .container import Container
    from .location import Location
    from .node import Node

_TAIL = 12


class Living(Condition):
    """A container's place, connection and log."""

    def __init__(self, wish: m.Spawn, node: Node, connection: Connection) -> None:
        super().__init__(wish.container)
        self.name = wish.name
        self._node = node
        self._connection = connection
        self._output = Output(self._callbacks, asyncio.get_running_loop())
        self._input = connection.feed(Source(wish.container))
        self._ready = asyncio.Event()
        self._gone = asyncio.Event()  # it runs no longer
        self._over = asyncio.Event()  # and everything it printed has been taken in

    @property
    def _whole(self) -> Container:
        return cast("Container", self)  # nothing less is ever made

    @property
    def log(self) -> LineRing:
        """What it printed last, as numbered lines."""
        return self._output.log

    def node(self) -> Node:
        """Where it runs."""
        return self._node

    parent = node

    parent = node

    def location(self) -> Location:
        """The location it belongs to."""
        return self._node.parent()

    @overload
    def logs(
        self,
        tail: int | None = None,
        *,
        follow: Literal[False] = False,
        since: float | datetime | None = None,
    ) -> bytes: ...
    @overload
    def logs(
        self,
        tail: int | None = None,
        *,
        follow: Literal[True],
        since: float | datetime | None = None,
    ) -> Following: ...
    def logs(
        self,
        tail: int | None = None,
        *,
        follow: bool = False,
        since: float | datetime | None = None,
    ) -> bytes | Following:
        """What it printed, both outputs, as far as it is still held.

        Args:
            tail: only the last so many lines.
            follow: go on with what it will print: something to iterate (``for data in ...``, ``async for``), until it is over.
            since: only what came then or later: seconds since the epoch, or a datetime.

        Raises:
            UsageError: an argument has no meaning.
        """
        asking.whole(tail, "tail", 0)
        then = asking.moment(since, "since")
        if follow:
            return Following(self._connection, self.uuid, tail, then)
        return self._held(tail, then)

    def _held(self, tail: int | None, since: float | None) -> bytes:
        return self.log.text(tail, since)

    def _stream(
        self, number: int, output: Output, process: str = "", *, lossless: bool = True
    ) -> Incoming:
        source = Source(self.uuid, process, lossless)
        tell, log = self._connection.tell, output.log
        return Incoming(number, tell, output.take, log.skipped, output.end, source)

    async def _running(self) -> None:
        await self._running_or_over()
        if self.dead:
            self._raise_over()

    async def _running_or_over(self) -> None:
        waits = {
            asyncio.ensure_future(self._ready.wait()),
            asyncio.ensure_future(self._over.wait()),
        }
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _raise_over(self) -> NoReturn:
        if self._news.error is not None:
            raise from_wire(*self._news.error)
        raise ContainerEnded(
            f"{self.name} is over: {self.reason}",
            detail=self.logs(_TAIL).decode("utf-8", "replace"),
        )

    def _tell_all(self) -> None:
        self._changed()
        self._node._changed()
        self._node.parent()._changed()
