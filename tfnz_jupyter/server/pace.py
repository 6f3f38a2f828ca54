"""Progress at a pace a client can use: every new step and every end, and between them no more than ten a second."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..engines.base import Progress

_EVERY = 0.1  # seconds between two


class Paced:
    """A ``Report`` that passes on what is worth a message."""

    def __init__(self, tell: Callable[[Progress], None]) -> None:
        self._tell = tell
        self._step = ""
        self._told_at = 0.0

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        is_news = progress.step != self._step or progress.done == progress.total
        if is_news or now - self._told_at >= _EVERY:
            self._step, self._told_at = progress.step, now
            self._tell(progress)
