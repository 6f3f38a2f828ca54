"""The keeper's loop: callbacks for descriptors and for times, one after the other, on the only thread there is."""

from __future__ import annotations

import heapq
import itertools
import selectors
import time
from collections.abc import Callable
from typing import Protocol

Deed = Callable[[], None]
READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class _HasFileno(Protocol):
    def fileno(self) -> int: ...


class Reactor:
    """Runs until :meth:`stop`."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Deed]] = []
        self._order = itertools.count()
        self._running = True

    def watch(self, what: int | _HasFileno, deed: Deed, events: int = READ) -> None:
        """Call ``deed`` whenever ``what`` is ready; watching it again replaces that."""
        try:
            self._selector.modify(what, events, deed)
        except KeyError:
            self._selector.register(what, events, deed)

    def forget(self, what: int | _HasFileno) -> None:
        self._selector.unregister(what)

    def after(self, delay: float, deed: Deed) -> None:
        """Call ``deed`` in so many seconds. It cannot be taken back: it has to look whether it is still wanted."""
        heapq.heappush(self._timers, (time.monotonic() + delay, next(self._order), deed))

    def run(self) -> None:
        while self._running:
            for key, _events in self._selector.select(self._pause()):
                if self._selector.get_map().get(key.fd) is key:  # not forgotten by one before it
                    key.data()
            while self._timers and self._timers[0][0] <= time.monotonic():
                heapq.heappop(self._timers)[2]()

    def stop(self) -> None:
        self._running = False

    def _pause(self) -> float | None:
        return max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else None
