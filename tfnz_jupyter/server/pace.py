"""Progress at a pace a client can use: all that begins and ends, and how far it is no more than ten times a second.

What begins is told however soon it follows, for it may be long until there is more to tell of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from ..engines.base import Progress

_EVERY = 0.1  # seconds between two


class Paced:
    """A ``Report`` that passes on what is worth a message."""

    def __init__(self, tell: Callable[[Progress], None]) -> None:
        self._tell = tell
        self._current = ("", "")
        self._told_at = 0.0

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        current = progress.step, progress.text
        is_news = current != self._current or progress.done == progress.total
        if is_news or now - self._told_at >= _EVERY:
            self._current, self._told_at = current, now
            self._tell(progress)
