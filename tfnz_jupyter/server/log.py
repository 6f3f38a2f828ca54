"""What a process printed: a bounded log of marked bytes that any number of readers follow at their own pace.

A lossless reader holds the writer back once it is half of :data:`HELD` behind (the pipe fills, the process waits); for
all others the oldest bytes are dropped, and they are told how many.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field

from ..engines.base import Mark
from ..wire.marks import Marks

#: Bytes of output kept for those who come later.
HELD = 4 * 1024 * 1024
_BLOCK = 64 * 1024
_BLOCK_COST = 1024  # a block counts at least this much, so that tiny ones do not pile up


@dataclass(slots=True)
class _Block:
    """Consecutive bytes of one output."""

    offset: int
    mark: Mark
    lines_before: int
    cost_before: int
    lines: int = 0  # that end in it
    data: bytearray = field(default_factory=bytearray)

    @property
    def end(self) -> int:
        return self.offset + len(self.data)


@dataclass(frozen=True, slots=True)
class Piece:
    """What a reader gets: bytes of one output, and how much is missing before them."""

    mark: Mark
    data: bytes
    skipped: int = 0  # bytes
    skipped_lines: int = 0


class Reader:
    """One reader's place in a log."""

    def __init__(
        self,
        log: Log,
        *,
        lossless: bool,
        offset: int = 0,
        lines: int = 0,
        until: int | None = None,
    ) -> None:
        self.lossless = lossless
        self._until = until  # it reads no further
        self.offset = offset
        self.cost = 0  # what the log had taken in before the block it reads
        self._lines = lines
        self._log = log

    async def read(self, most: int) -> Piece | None:
        """The next bytes (1 to ``most``), or None at the log's end. Waits while there are none."""
        if self._until is not None:
            most = min(most, self._until - self.offset)
            if most <= 0:
                return None
        while (block := self._log.block_at(self.offset)) is None:
            if (missing := self._log.never_held(self.offset)) > 0:
                return self._skip(missing)
            if self._log.ended:
                return None
            await self._log.changed()
        skipped = max(0, block.offset - self.offset)
        skipped_lines = block.lines_before - self._lines if skipped else 0
        start = self.offset + skipped - block.offset
        with memoryview(block.data) as held:
            data = bytes(held[start : start + most])
        self.offset += skipped + len(data)
        self.cost = block.cost_before
        if self.offset == block.end:  # mostly, and what was counted need not be again
            self._lines = block.lines_before + block.lines
        else:
            self._lines += skipped_lines + data.count(b"\n")
        if self.lossless:
            self._log.wake()
        return Piece(block.mark, data, skipped, skipped_lines)

    def _skip(self, size: int) -> Piece:
        lines = max(0, self._log.lines - self._lines)
        self.offset += size
        self._lines += lines
        return Piece(Mark.OUT, b"", size, lines)

    def close(self) -> None:
        """Stop reading, and stop holding the writer back."""
        self._log.forget(self)


class Log:
    """The log of one process."""

    def __init__(self) -> None:
        self._blocks: deque[_Block] = deque()
        self._readers: set[Reader] = set()
        self._waiting: set[asyncio.Future[None]] = set()
        self.total = 0  # bytes printed
        self.lines = 0
        self.ended = False
        self._cost = 0
        self._unheld = 0  # bytes at the beginning that another location took in
        self._released = False
        self._marks = Marks()

    def begin_at(self, size: int, lines: int) -> None:
        """So much was printed and taken in by a location that is no more: it counts as skipped."""
        self.total = self._unheld = size
        self.lines = lines
        self.wake()

    @property
    def unheld(self) -> int:
        """Where what is held, or will be, can begin at the earliest."""
        return self._unheld

    def never_held(self, offset: int) -> int:
        """How many bytes from there on were never here; they are told as soon as they are known."""
        return self._unheld - offset

    def append(self, mark: Mark, data: bytes) -> None:
        """Add what was printed, and drop what is older than the bound."""
        self._marks.note(time.time(), self.total)
        last = self._blocks[-1] if self._blocks else None
        if last is None or last.mark != mark or len(last.data) >= _BLOCK:
            last = _Block(self.total, mark, self.lines, self._cost)
            self._blocks.append(last)
            self._cost += _BLOCK_COST
        last.data += data
        self.total += len(data)
        self._cost += len(data)
        lines = data.count(b"\n")
        last.lines += lines
        self.lines += lines
        while len(self._blocks) > 1 and self._cost - self._blocks[1].cost_before >= HELD:
            self._blocks.popleft()
        self.wake()

    def end(self) -> None:
        """There will be no more."""
        self.ended = True
        self.wake()

    def reader(
        self, *, lossless: bool, offset: int = 0, lines: int = 0, until: int | None = None
    ) -> Reader:
        """A reader from the first byte on, or from where it had come to; what is no longer held counts as skipped.

        It ends with the log, or ``until`` a byte.
        """
        reader = Reader(self, lossless=lossless, offset=offset, lines=lines, until=until)
        self._readers.add(reader)
        return reader

    async def room(self) -> None:
        """Return when no lossless reader is too far behind to take more."""
        while not self._released and any(
            r.lossless and r.offset < self.total and self._cost - r.cost >= HELD // 2
            for r in self._readers
        ):
            await self.changed()

    def hold(self) -> None:
        """Hold the writer back again."""
        self._released = False

    def release(self) -> None:
        """Hold the writer back no longer: it has ended, and what is left in its pipes fits beside what is held."""
        self._released = True
        self.wake()

    def place(self, tail: int | None, since: float | None) -> tuple[int, int]:
        """Where the last so many lines begin, or what came since a time, whichever is later: bytes, and lines before."""
        offset = 0 if since is None else self._marks.since(since)
        offset = self.total if offset is None else offset
        if tail is not None:
            offset = max(offset, self._start_of_last(tail))
        block = self.block_at(offset)
        if block is None:
            return offset, self.lines if offset >= self.total else 0
        return offset, block.lines_before + block.data[: max(0, offset - block.offset)].count(b"\n")

    def _start_of_last(self, lines: int) -> int:
        """The offset at which the last so many lines begin; of those that are held."""
        unfinished = bool(self._blocks) and not self._blocks[-1].data.endswith(b"\n")
        number = self.lines + unfinished - lines  # so many newlines come before
        if lines <= 0:
            return self.total
        for block in reversed(self._blocks):
            if block.lines_before < number:
                at = -1
                for _ in range(number - block.lines_before):
                    at = block.data.index(b"\n", at + 1)
                return block.offset + at + 1
        return 0

    def tail(self, lines: int) -> str:
        """The last lines printed, as text."""
        held = b"".join(bytes(block.data) for block in list(self._blocks)[-4:])
        return "\n".join(held.decode("utf-8", "replace").splitlines()[-lines:])

    def block_at(self, offset: int) -> _Block | None:
        """The block that holds this byte, or the oldest if that byte is gone; None if it is not printed yet."""
        if offset >= self.total or not self._blocks:
            return None
        behind = (block for block in reversed(self._blocks) if block.offset <= offset)
        return next(behind, self._blocks[0])

    async def changed(self) -> None:
        """Return when something was printed, read or ended."""
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.add(waiting)
        try:
            await waiting
        finally:
            self._waiting.discard(waiting)

    def wake(self) -> None:
        """Let everybody who waits look again."""
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)

    def forget(self, reader: Reader) -> None:
        """Drop a reader."""
        self._readers.discard(reader)
        self.wake()
