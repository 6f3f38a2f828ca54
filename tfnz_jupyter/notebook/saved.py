"""What a notebook would save of something live, kept fresh: its static view is replaced as it changes.

A change that matters is told within a second; mere output less and less often, for every replacement marks the notebook as
changed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

LOOK = 1.0  # seconds between looks
EVERY = 30.0  # seconds between replacements when there is only more output; the first come sooner


class Saved:
    """One object's static view in the outputs that show it; a feed of the pump's.

    Args:
        look: gives what matters about it, and how much it has printed.
        publish: replaces the view in the outputs.
    """

    def __init__(self, look: Callable[[], tuple[object, int]], publish: Callable[[], None]) -> None:
        self._look, self._publish = look, publish
        self._lock = threading.Lock()
        self._facts, self._printed = look()
        self._looked = self._replaced = float("-inf")
        self._pause = LOOK
        self.over = False

    def stop(self) -> None:
        """It is shown as it ended."""
        self.over = True

    def tick(self, now: float) -> bool:
        with self._lock:
            if self.over or now - self._looked < LOOK:
                return False
            self._looked = now
            facts, printed = self._look()
            if facts != self._facts:
                self._pause = LOOK
            elif printed == self._printed or now - self._replaced < self._pause:
                return False
            else:
                self._pause = min(2 * self._pause, EVERY)
            self._replaced = now
            return self._replace(facts, printed)

    def settle(self) -> None:
        """A cell has ended, and whoever runs notebooks may save this one now: show what matters as it is."""
        with self._lock:
            facts, printed = self._look()
            if not self.over and facts != self._facts:
                self._replace(facts, printed)

    def _replace(self, facts: object, printed: int) -> bool:
        self._facts, self._printed = facts, printed
        self._publish()
        return True
