"""The one thread of the keeper that stays in the host's network, while the keeper itself leaves it for good.

A process can go back to a network namespace only as root of the user namespace that owns it; an ordinary user's keeper is
not that on the host. Whatever has to happen there happens on this thread: asking for the host's addresses, starting pasta.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class Outside:
    """Start it before the keeper leaves; a thread has the network of the one that started it."""

    def __init__(self) -> None:
        self._deeds: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="outside", daemon=True).start()

    def do(self, deed: Callable[[], T]) -> T:
        """What ``deed()`` gives or raises, done in the host's network. It must be short: the keeper waits."""
        done: Future[T] = Future()
        self._deeds.put((deed, done))
        return done.result()

    def _work(self) -> None:
        while True:
            deed, done = self._deeds.get()
            try:
                done.set_result(deed())
            except BaseException as problem:
                done.set_exception(problem)
