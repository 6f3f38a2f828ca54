"""What one session may have on the way is shared by its streams: first come, first served, one chunk each."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable


class Space:
    """Where streams wait until the other end has acknowledged some of what is on the way.

    Args:
        free: whether there is room.
        piece: how much of a stream one message may carry.
    """

    def __init__(self, free: Callable[[], bool], piece: Callable[[], int]) -> None:
        self._free, self._piece = free, piece
        self._waiting: deque[Callable[[], object]] = deque()

    @property
    def free(self) -> bool:
        """Whether a stream may send."""
        return self._free()

    @property
    def piece(self) -> int:
        """How much of a stream one message may carry (bytes)."""
        return self._piece()

    def wait(self, wake: Callable[[], object]) -> None:
        """Call ``wake`` once there may be room again."""
        self._waiting.append(wake)

    def look(self) -> None:
        """Something was acknowledged, perhaps: let those who wait try."""
        if self._waiting and self.free:
            waiting, self._waiting = self._waiting, deque()
            for wake in waiting:
                wake()
