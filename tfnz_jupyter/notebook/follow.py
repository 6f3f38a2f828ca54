"""A log printed into the cell that asked for it, as it comes, by the thread that runs the cell.

What the page's server would drop without a word (it does beyond a rate) is not sent: lines are skipped here, and counted.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from .views_output import coloured

if TYPE_CHECKING:
    from ..sdk.lines import LineRing

LOOK = 0.04  # seconds between looks at the log
BURST = 1_500_000  # bytes that may be printed at once,
RATE = 600_000  # and the bytes a second after that
TAIL = 200  # lines that are still printed when the rest is given up
ERR = 2


class Printer:
    """One log on its way into one cell."""

    def __init__(self, ring: LineRing, start: int) -> None:
        self._ring = ring
        self._at = start
        self._shown: dict[int, int] = {}  # bytes already printed of an unterminated line, by output
        self._changed = -1
        self._room, self._since = float(BURST), time.monotonic()

    @property
    def behind(self) -> bool:
        """Whether there is something not printed yet."""
        return self._changed != self._ring.changed

    def print_news(self) -> None:
        """Print what has come, as much as there is room for; unterminated lines too."""
        room = self._refill()
        if not self.behind or room <= 0:
            return
        changed, complete = self._ring.changed, self._ring.complete
        if complete - self._at > self._ring.max_lines // 2 and not self._ring.closed:
            self._skip_to(complete - TAIL)
        first, lines = self._ring.read(self._at, self._ring.max_lines + 2, int(room))
        self._skip_to(first)
        for number, (mark, line) in enumerate(lines, first):
            self._print(mark, line, whole=number < complete)
        self._at = min(first + len(lines), complete)
        if first + len(lines) >= complete:
            self._changed = changed

    def _refill(self) -> float:
        """How many bytes may be printed now."""
        now = time.monotonic()
        self._room = min(BURST, self._room + (now - self._since) * RATE)
        self._since = now
        return self._room

    def _skip_to(self, number: int) -> None:
        lines = number - self._at
        if lines > 0:
            sys.stdout.write(f"... {lines:,} line{'s' * (lines > 1)} skipped ...\n")
            self._shown.clear()
            self._at = number

    def _print(self, mark: int, line: bytes, *, whole: bool) -> None:
        piece = line[self._shown.pop(mark, 0) :]
        if not whole:
            self._shown[mark] = len(line)
        text = coloured(piece) + ("\n" if whole else "")
        self._room -= len(piece) + whole
        if text:
            (sys.stderr if mark == ERR else sys.stdout).write(text)


def follow(ring: LineRing, *, start: int = 0) -> None:
    """Print lines from number ``start`` on until the log has ended and all is printed. An interrupt passes through."""
    printer = Printer(ring, start)
    while not ring.closed or printer.behind:
        printer.print_news()
        sys.stdout.flush()
        time.sleep(LOOK)


def print_tail(ring: LineRing, tail: int | None) -> None:
    """Print the last lines that are held."""
    start = ring.first if tail is None else max(ring.first, ring.total - tail)
    Printer(ring, start).print_news()
