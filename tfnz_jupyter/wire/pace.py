"""How much a session may have on the way, so that a slow link is kept busy and yet nobody waits long behind a flood.

What is on the way grows as long as acknowledgements come about as fast as they ever did, and is halved when they take
half a second longer: then it only stands in queues.
"""

from __future__ import annotations

#: Bounds of what may be on the way, and what one begins with (bytes). An end acknowledges before the least has come.
LEAST, FIRST, MOST = 512 * 1024, 1024 * 1024, 8 * 1024 * 1024
#: Bounds of what one message may carry (bytes): on a link that takes much, few large ones cost less than many. The
#: largest holds what is usually read at once, with what is said before it.
SMALLEST_PIECE, LARGEST_PIECE = 64 * 1024, 257 * 1024
_PROMPT, _LATE = 0.2, 0.5  # seconds over the fastest there was


class Pace:
    """``size`` is what may be on the way at the moment (bytes)."""

    def __init__(self) -> None:
        self.size = FIRST
        self._fastest = float("inf")
        self._halved_at = float("-inf")

    @property
    def piece(self) -> int:
        """What one message may carry, so that others need not wait long behind it (bytes)."""
        return min(LARGEST_PIECE, max(SMALLEST_PIECE, self.size // 8))

    def acknowledged(self, cost: int, took: float, now: float) -> None:
        """So many bytes have arrived; the last of them was sent ``took`` seconds ago."""
        self._fastest = min(self._fastest, took)
        if took <= self._fastest + _PROMPT:
            self.size = min(MOST, self.size + cost)
        elif took > self._fastest + _LATE and now - self._halved_at > took:
            self.size = max(LEAST, self.size // 2)
            self._halved_at = now
