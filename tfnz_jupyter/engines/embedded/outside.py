"""The one thread of the keeper that stays in the host's network, while the keeper itself leaves it for good.

A process can go back to a network namespace only as root of the user namespace that owns it; an ordinary user's keeper is
not that on the host. Whatever has to happen there happens on this thread: asking for the host's addresses, starting pasta.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar, cast

T = TypeVar("T")


class Outside:
    """Start it before the keeper leaves; a thread has the network of the one that started it. Only the keeper asks it."""

    def __init__(self) -> None:
        self._deeds: queue.SimpleQueue[Callable[[], Any]] = queue.SimpleQueue()
        self._outcomes: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="outside", daemon=True).start()

    def do(self, deed: Callable[[], T]) -> T:
        """What ``deed()`` gives or raises, done in the host's network. It must be short: the keeper waits."""
        self._deeds.put(deed)
        found, problem = self._outcomes.get()
        if problem is not None:
            raise problem
        return cast(T, found)

    def _work(self) -> None:
        while True:
            deed = self._deeds.get()
            try:
                self._outcomes.put((deed(), None))
            except BaseException as problem:
                self._outcomes.put((None, problem))
