"""When what was printed: places in a growing output by the time they were reached, in little memory.

Recent ones are kept to a twentieth of a second, older ones ever more coarsely: whoever asks for what came since a time may get
a little that is older, and never misses any.
"""

from __future__ import annotations

from typing import NamedTuple

_FINEST = 0.05  # seconds
_MOST = 512


class _Span(NamedTuple):
    """What was printed between two times begins at this place."""

    first: float
    last: float
    place: int


class Marks:
    """Times are seconds on any clock, the same one all along; places only grow."""

    def __init__(self) -> None:
        self._spans: list[_Span] = []

    def note(self, now: float, place: int) -> None:
        """Something is printed now, and begins at ``place``."""
        last = self._spans[-1] if self._spans else None
        if last is not None and now - last.first < _FINEST:
            self._spans[-1] = last._replace(last=max(now, last.last))
            return
        self._spans.append(_Span(now, now, place))
        if len(self._spans) > _MOST:
            self._thin()

    def since(self, then: float) -> int | None:
        """Where that begins which was printed at ``then`` or later; None if nothing was."""
        return next((span.place for span in self._spans if span.last >= then), None)

    def _thin(self) -> None:
        """Join the older half by twos."""
        half = _MOST // 2
        old, new = self._spans[:half], self._spans[half:]
        pairs = zip(old[::2], old[1::2], strict=True)
        self._spans = [_Span(a.first, b.last, a.place) for a, b in pairs] + new
