"""Finding a line in what a container prints, from its first byte on, without missing one."""

from __future__ import annotations

import asyncio
import contextvars
import re
from collections.abc import Callable

from ..errors import UsageError
from ..wire.codec import Bulk
from ..wire.messages import FollowLog
from .callbacks import Callbacks
from .connection import Connection
from .streams import Incoming, Source

_LONGEST_LINE = 1024 * 1024


async def find_line(
    connection: Connection, container: str, pattern: re.Pattern[bytes]
) -> bytes | None:
    """The first line that matches, or None if the log ends without one."""
    found: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
    finder = _Finder(pattern, found)
    stream = connection.number()
    connection.read(
        Incoming(
            stream,
            connection.tell,
            finder.take,
            lambda lines, size: None,
            finder.end,
            Source(container),
        )
    )
    try:
        await connection.call(FollowLog(container, stream))
        return await found
    finally:
        connection.drop(stream)


class _Finder:
    """Puts lines together, the two outputs apart, and tries each; on a thread of its own, for that takes time."""

    def __init__(self, pattern: re.Pattern[bytes], found: asyncio.Future[bytes | None]) -> None:
        self._pattern = pattern
        self._found = found
        self._rest: dict[int, bytes] = {}
        self._work = Callbacks("search")
        self._loop = asyncio.get_running_loop()

    def take(self, mark: int, bulk: Bulk, used: Callable[[], None]) -> int:
        """One chunk."""
        data = bytes(bulk)
        self._work.post(contextvars.copy_context(), self._look, mark, data, used)
        return data.count(b"\n")

    def end(self) -> None:
        """There is no more: what is left is the last line."""
        self._work.post(contextvars.copy_context(), self._look_at_rest)

    def _look(self, mark: int, data: bytes, used: Callable[[], None]) -> None:
        *lines, rest = (self._rest.get(mark, b"") + data).split(b"\n")
        self._rest[mark] = rest[-_LONGEST_LINE:]
        if (line := self._first(lines)) is not None:
            self._loop.call_soon_threadsafe(self._answer, line)
        self._loop.call_soon_threadsafe(used)

    def _look_at_rest(self) -> None:
        line = self._first([rest for rest in self._rest.values() if rest])
        self._loop.call_soon_threadsafe(self._answer, line)

    def _first(self, lines: list[bytes]) -> bytes | None:
        return next((line for line in lines if self._pattern.search(line)), None)

    def _answer(self, line: bytes | None) -> None:
        if not self._found.done():
            self._found.set_result(line)


def as_pattern(given: str | bytes | re.Pattern[str] | re.Pattern[bytes]) -> re.Pattern[bytes]:
    """A regular expression for what containers print, with the flags it was compiled with.

    Raises:
        UsageError: it is none.
    """
    wanted, flags = (given.pattern, given.flags) if isinstance(given, re.Pattern) else (given, 0)
    if not isinstance(wanted, str | bytes):
        raise UsageError(f"{given!r} is not a regular expression")
    try:
        found = wanted.encode() if isinstance(wanted, str) else wanted
        return re.compile(found, flags & ~re.UNICODE)
    except re.error as problem:
        raise UsageError(f"{given!r} is not a regular expression: {problem}") from problem
