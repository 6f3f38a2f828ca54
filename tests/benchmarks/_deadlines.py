"""Nothing that is measured may stand still: what has not ended in time is interrupted, wherever it waits."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

#: What is interrupted and stands still while it cleans up is interrupted again after so long (seconds).
_AGAIN = 20.0


class StoodStill(BaseException):
    """What was measured did not end in time; libraries that catch every ``Exception`` do not hide it."""


@contextmanager
def at_most(seconds: float, what: str) -> Iterator[None]:
    """A block that may take so long; on the main thread. One within another is counted out before the other goes on.

    Raises:
        StoodStill: it took longer.
    """

    def late(_signal: int, _frame: object) -> None:
        raise StoodStill(f"{what} did not end within {seconds:g} s")

    began = time.monotonic()
    outer = signal.signal(signal.SIGALRM, late)
    left, again = signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, outer)
        if left:
            left = max(left - (time.monotonic() - began), 0.001)
            signal.setitimer(signal.ITIMER_REAL, left, again)
