"""Finding a line in what a container prints, from its first byte on, without missing one."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

from ..errors import UsageError
from ..wire.messages import FollowLog
from .connection import Connection
from .streams import Incoming

_LONGEST_LINE = 1024 * 1024


async def find_line(
    connection: Connection, container: str, pattern: str | bytes | re.Pattern[bytes]
) -> bytes | None:
    """The first line that matches, or None if the log ends without one.

    Raises:
        UsageError: not a regular expression.
    """
    found: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
    finder = _Finder(_compile(pattern), found)
    stream = connection.number()
    connection.read(
        Incoming(stream, connection.tell, finder.take, lambda lines, size: None, finder.end)
    )
    try:
        await connection.call(FollowLog(container, stream, lossless=True))
        return await found
    finally:
        connection.drop(stream)


class _Finder:
    """Puts lines together, the two outputs apart, and tries each."""

    def __init__(self, pattern: re.Pattern[bytes], found: asyncio.Future[bytes | None]) -> None:
        self._pattern = pattern
        self._found = found
        self._rest: dict[int, bytes] = {}

    def take(self, mark: int, data: bytes, used: Callable[[], None]) -> None:
        used()
        if self._found.done():
            return
        *lines, rest = (self._rest.get(mark, b"") + data).split(b"\n")
        self._rest[mark] = rest[-_LONGEST_LINE:]
        for line in lines:
            if self._pattern.search(line):
                self._found.set_result(line)
                return

    def end(self) -> None:
        if self._found.done():
            return
        last = [rest for rest in self._rest.values() if self._pattern.search(rest)]
        self._found.set_result(last[0] if last else None)


def _compile(pattern: str | bytes | re.Pattern[bytes]) -> re.Pattern[bytes]:
    try:
        if isinstance(pattern, re.Pattern):
            return re.compile(
                pattern.pattern.encode() if isinstance(pattern.pattern, str) else pattern.pattern
            )
        return re.compile(pattern.encode() if isinstance(pattern, str) else pattern)
    except re.error as problem:
        raise UsageError(f"{pattern!r} is not a regular expression: {problem}") from problem
