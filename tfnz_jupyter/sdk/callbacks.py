"""User callbacks run here: on a daemon thread of their own object, in order, in the context of who registered them.

A queue has a thread only while it has work. What a callback raises is reported where its author sees it (in a notebook,
in the cell that registered it) and stops nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)

#: Whether what runs is a callback, or was begun by one.
in_callback: contextvars.ContextVar[bool] = contextvars.ContextVar("in_callback", default=False)

#: A thread without work goes away after this long (seconds).
_IDLE = 5.0


class Callbacks:
    """The queue of one object."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._waiting: deque[Callable[[], object]] = deque()
        self._lock = threading.Condition()
        self._running = False

    def post(
        self, context: contextvars.Context, function: Callable[..., object], *args: Any
    ) -> None:
        """Call ``function(*args)`` soon. Any thread may post; returns at once."""
        with self._lock:
            self._waiting.append(lambda: context.run(_call, function, args))
            self._lock.notify()
            if not self._running:
                self._running = True
                threading.Thread(
                    target=self._run, name=f"tfnz-callbacks-{self._name}", daemon=True
                ).start()

    async def told(
        self, context: contextvars.Context, function: Callable[..., object], *args: Any
    ) -> None:
        """Call ``function(*args)`` after all that was posted before, and return once it has returned."""
        loop = asyncio.get_running_loop()
        done = asyncio.Event()

        def call() -> None:
            try:
                function(*args)
            finally:
                loop.call_soon_threadsafe(done.set)

        self.post(context, call)
        await done.wait()

    def tell(self, owner: object, name: str, *args: Any) -> None:
        """Call the :class:`Given` callback of that name with these arguments, if there is one."""
        if (given := Given.of(owner, name)) is not None:
            self.post(given[1], given[0], *args)

    def _run(self) -> None:
        while (work := self._next()) is not None:
            work()

    def _next(self) -> Callable[[], object] | None:
        with self._lock:
            if not self._waiting and not self._lock.wait_for(lambda: self._waiting, _IDLE):
                self._running = False
                return None
            return self._waiting.popleft()


class Given:
    """An attribute that holds a callback, and the context it was given in: what it prints goes to the cell that gave it.

    Declared in a class, read and set like any attribute; ``Given.of(owner, name)`` is both parts.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self._slot = _slot(name)

    def __get__(self, owner: Any, cls: type) -> Callable[..., object] | None:
        return None if owner is None else owner.__dict__.get(self._slot, _NOTHING)[0]

    def __set__(self, owner: Any, callback: Callable[..., object] | None) -> None:
        owner.__dict__[self._slot] = (callback, contextvars.copy_context())

    @staticmethod
    def of(owner: object, name: str) -> tuple[Callable[..., object], contextvars.Context] | None:
        """The callback that stands there now and its context, None where there is none."""
        callback, context = owner.__dict__.get(_slot(name), _NOTHING)
        return None if callback is None or context is None else (callback, context)


_NOTHING = (None, None)


def _slot(name: str) -> str:
    return f"_given_{name}"


class Subscribers:
    """Who wants to know that an object changed: told soon, once for any number of changes since."""

    def __init__(self, owner: object, callbacks: Callbacks) -> None:
        self._owner = owner
        self._callbacks = callbacks
        self._pending: dict[int, bool] = {}
        self._known: dict[int, tuple[Callable[[Any], object], contextvars.Context]] = {}
        self._lock = threading.Lock()
        self._last = 0

    def add(self, callback: Callable[[Any], object]) -> Callable[[], None]:
        """Call ``callback(owner)`` after each change, until the function returned here is called."""
        with self._lock:
            self._last += 1
            key = self._last
            self._known[key] = (callback, contextvars.copy_context())
        return lambda: self._remove(key)

    def tell(self) -> None:
        """Something changed. Any thread; returns at once."""
        with self._lock:
            todo = [key for key in self._known if not self._pending.get(key)]
            self._pending.update(dict.fromkeys(todo, True))
            for key in todo:
                self._callbacks.post(self._known[key][1], self._deliver, key)

    def _deliver(self, key: int) -> None:
        with self._lock:
            self._pending.pop(key, None)
            known = self._known.get(key)
        if known is not None:
            known[0](self._owner)

    def _remove(self, key: int) -> None:
        with self._lock:
            self._known.pop(key, None)
            self._pending.pop(key, None)


def _call(function: Callable[..., object], args: tuple[Any, ...]) -> None:
    in_callback.set(True)
    try:
        function(*args)
    except BaseException:  # SystemExit too: it must not end the queue
        _report(traceback.format_exc())


def _report(words: str) -> None:
    """Write where the user looks; where that is closed (or missing), there is nobody to tell, and the queue goes on."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(f"A callback of yours raised:\n{words}")
    with contextlib.suppress(OSError, ValueError):  # a log handler may write to the same stream
        log.debug("a callback raised: %s", words)
