"""The last lines of an output, numbered, bounded, and never lost without being counted.

One thread feeds chunks as they come, any thread reads lines. Feeding must cost next to nothing, because it happens on the
thread that moves every byte of a session: a chunk is stored whole beside the count of its newlines, and is split into
lines only when somebody looks. The two outputs of a process are put together separately, so that an error message that
arrives in the middle of a progress line tears neither.

A line's number is given when the line is complete, counts from 0 and never changes. At most one unterminated line per
output stands behind the complete ones; it counts in ``total`` and its number is final only once it is complete.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import NamedTuple

from ..wire.marks import Marks

MAX_LINE = 64 * 1024  # bytes; what is longer is cut into pieces, each of them a line


class _Segment(NamedTuple):
    """Consecutive lines of one output; their last newline is ``closing``, not ``data``. Mark 0: lines that were lost."""

    mark: int
    first: int
    lines: int
    data: bytes
    closing: bytes = b"\n"

    @property
    def end(self) -> int:
        return self.first + self.lines


class LineRing:
    """The newest lines of one container's or process's output.

    Args:
        max_lines: complete lines kept.
        max_bytes: bytes of them kept.
    """

    def __init__(self, max_lines: int = 10_000, max_bytes: int = 8 * 1024 * 1024) -> None:
        self.max_lines = max_lines
        self.max_bytes = max_bytes
        self.lost_lines = 0  # never arrived here: told by skipped()
        self.lost_bytes = 0
        self._lock = threading.Lock()
        self._segments: deque[_Segment] = deque()
        self._bytes = 0
        self._complete = 0
        self._pending: dict[int, bytearray] = {}
        self._changed = 0
        self._closed = False
        self._marks = Marks()

    # -- feeding ---------------------------------------------------------------------------------------------------

    def feed(self, mark: int, chunk: bytes, now: float = 0.0) -> int:
        """Add bytes of one output (1 standard output, 2 standard error), in the order they were written.

        ``now`` is the time :meth:`text` can be asked for, in seconds on any clock. Gives how many newlines there were.
        """
        with self._lock:
            self._marks.note(now, self._complete)
            newlines = 0
            for at in range(0, len(chunk), MAX_LINE):
                newlines += self._feed(mark, chunk[at : at + MAX_LINE])
            self._trim()
            self._changed += 1
        return newlines

    def skipped(self, lines: int, size: int) -> None:
        """Count lines that were lost on the way here, by their newlines.

        What was begun before them is a line of its own now; its newline is among those that were lost, and counts once.
        """
        with self._lock:
            begun = len(self._pending)
            self._flush(b"\n")
            lines = max(lines - begun, 1 if size else 0)
            if lines:
                self._segments.append(_Segment(0, self._complete, lines, b""))
                self._complete += lines
            self.lost_lines += lines
            self.lost_bytes += size
            self._trim()
            self._changed += 1

    def close(self) -> None:
        """No more will come; an unterminated last line is complete as it is. Idempotent."""
        with self._lock:
            self._flush(b"")
            self._trim()
            self._closed = True
            self._changed += 1

    def _feed(self, mark: int, chunk: bytes) -> int:
        """Add at most ``MAX_LINE`` bytes; how many newlines there were. Each byte is looked at and copied once."""
        first, last = chunk.find(b"\n"), chunk.rfind(b"\n")
        if first < 0:
            self._lengthen(mark, chunk)
            return 0
        begin = newlines = 0
        if mark in self._pending:
            self._lengthen(mark, chunk[:first])
            self._append(mark, 1, bytes(self._pending.pop(mark)))
            begin, newlines = first + 1, 1
        if begin <= last:
            body = chunk[begin:last]
            lines = body.count(b"\n") + 1
            self._append(mark, lines, body)
            newlines += lines
        if last + 1 < len(chunk):
            self._pending[mark] = bytearray(chunk[last + 1 :])
        return newlines

    def _lengthen(self, mark: int, data: bytes) -> None:
        """Add to an unterminated line; what is too long becomes lines of its own."""
        pending = self._pending.setdefault(mark, bytearray())
        pending += data
        while len(pending) > MAX_LINE:
            self._append(mark, 1, bytes(pending[:MAX_LINE]), b"")
            del pending[:MAX_LINE]

    def _append(self, mark: int, count: int, data: bytes, closing: bytes = b"\n") -> None:
        self._segments.append(_Segment(mark, self._complete, count, data, closing))
        self._complete += count
        self._bytes += len(data)

    def _flush(self, closing: bytes) -> None:
        while self._pending:
            mark, pending = self._pending.popitem()
            self._append(mark, 1, bytes(pending), b"\n" if self._pending else closing)

    def _trim(self) -> None:
        segments, oldest = self._segments, self._complete - self.max_lines
        while segments and (self._bytes > self.max_bytes or segments[0].end <= oldest):
            self._bytes -= len(segments.popleft().data)

    # -- reading ---------------------------------------------------------------------------------------------------

    @property
    def changed(self) -> int:
        """Grows with every feed: equal means that nothing is new."""
        return self._changed

    @property
    def closed(self) -> bool:
        """Whether all there will ever be is here."""
        return self._closed

    @property
    def complete(self) -> int:
        """How many lines are complete; those before this number never change."""
        return self._complete

    @property
    def total(self) -> int:
        """How many lines were ever seen, unterminated ones and lost ones counted."""
        with self._lock:
            return self._complete + len(self._pending)

    @property
    def first(self) -> int:
        """The number of the oldest line still held."""
        with self._lock:
            return self._first()

    def _first(self) -> int:
        held = self._segments[0].first if self._segments else self._complete
        return max(held, self._complete - self.max_lines)

    def read(
        self, start: int, limit: int, max_bytes: int | None = None
    ) -> tuple[int, list[tuple[int, bytes]]]:
        """Lines from number ``start`` on, without their newlines: (number of the first one, [(mark, line), ...]).

        The numbers of what is returned are consecutive. A first number above ``start`` says that the lines between are
        gone (older than what is held, or lost on the way), so reading on from ``first + len(lines)`` until an empty
        answer meets every line, or the count of it. ``max_bytes`` ends the answer early, after at least one line.
        """
        oldest, total, segments = self._since(start)
        first, lines, size = max(start, total), list[tuple[int, bytes]](), 0
        for segment in segments:
            if segment.mark == 0:
                if lines:
                    break
                continue
            if not lines:
                first = max(start, oldest, segment.first)
            skip = first + len(lines) - segment.first
            until = skip + limit - len(lines)
            for line in segment.data.split(b"\n", until)[skip:until]:
                size += len(line) + 1
                if lines and max_bytes is not None and size > max_bytes:
                    return first, lines
                lines.append((segment.mark, line))
        return first, lines

    def text(self, tail: int | None = None, then: float | None = None) -> bytes:
        """The held output, its last ``tail`` lines, what came ``then`` or later; lost lines leave no trace."""
        with self._lock:
            since = 0 if then is None else self._marks.since(then)
        oldest, total, segments = self._since(0)
        start = max(oldest, 0 if tail is None else total - tail, total if since is None else since)
        parts = []
        for segment in segments:
            if segment.mark and segment.end > start:
                skip = max(start - segment.first, 0)
                parts += [b"\n".join(segment.data.split(b"\n", skip)[skip:]), segment.closing]
        return b"".join(parts)

    def _since(self, start: int) -> tuple[int, int, list[_Segment]]:
        """(oldest number held, total, the segments that reach beyond ``start``, unterminated lines last)."""
        with self._lock:
            found = []
            for segment in reversed(self._segments):
                if segment.end <= start:
                    break
                found.append(segment)
            found.reverse()
            total = self._complete
            for mark, data in self._pending.items():
                found.append(_Segment(mark, total, 1, bytes(data), b""))
                total += 1
            return self._first(), total, [s for s in found if s.end > start]
