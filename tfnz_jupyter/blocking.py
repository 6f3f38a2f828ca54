"""Verbs that block or are awaited, and the one loop thread they run on.

The kernel's own loop stands still while a cell computes, so the SDK never uses it: one daemon thread per process runs an
asyncio loop that owns every socket. A :class:`verb` wraps a coroutine method; ``x.verb()`` blocks the calling thread,
``await x.verb.aio()`` works on any loop. Whoever is interrupted or cancelled while waiting cancels the coroutine, lets it
clean up (bounded), and only then lets go.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import difflib
import functools
import inspect
import os
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload
from weakref import WeakKeyDictionary

from .errors import UsageError, WrongCall, users_line

S = TypeVar("S")
P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

#: Idle loops do not notice an interrupt of the kernel; an awaiting cell looks up this often (seconds).
_TICK = 0.04
#: How long a cancelled coroutine may take to clean up before its caller stops waiting (seconds).
_CLEANUP = 2.0
_ENDED = "the wait was ended, and what was asked for is cancelled"

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_thread: threading.Thread | None = None
_lookouts: WeakKeyDictionary[asyncio.AbstractEventLoop, _Lookout] = WeakKeyDictionary()


class _Ended(BaseException):
    """What ended a wait, as a notebook shows it: the user's line and a word, not how we wait."""

    def _render_traceback_(self) -> list[str]:
        return [*users_line(self.__traceback__), f"{type(self).__name__}: {self}"]


class Interrupted(_Ended, KeyboardInterrupt):
    """The user interrupted a wait."""


class Cancelled(_Ended, asyncio.CancelledError):
    """The task that waited was cancelled; by an interrupt, if a cell awaited."""


Interrupted.__name__ = Interrupted.__qualname__ = "KeyboardInterrupt"
Cancelled.__name__ = Cancelled.__qualname__ = "CancelledError"


def loop() -> asyncio.AbstractEventLoop:
    """The SDK's loop, started on first use."""
    global _loop, _thread
    with _lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            _thread = threading.Thread(target=_loop.run_forever, name="tfnz-loop", daemon=True)
            _thread.start()
        return _loop


def on_loop() -> bool:
    """Whether the caller runs on the SDK's loop thread."""
    return threading.current_thread() is _thread


class Job(Generic[T]):
    """A coroutine on its way on the SDK's loop. ``future`` is done when it has ended, its cleaning up included."""

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self.future: concurrent.futures.Future[T] = concurrent.futures.Future()
        self._coroutine = coroutine
        self._task: asyncio.Task[T] | None = None

    def start(self) -> concurrent.futures.Future[T]:
        """Let it run; returns ``future``."""
        loop().call_soon_threadsafe(self._begin)
        return self.future

    def cancel(self) -> None:
        """Cancel the coroutine; it may still clean up."""
        loop().call_soon_threadsafe(self._cancel)

    def _begin(self) -> None:
        self._task = asyncio.ensure_future(self._coroutine)
        self._task.add_done_callback(self._finish)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _finish(self, task: asyncio.Task[T]) -> None:
        if task.cancelled():
            self.future.cancel()
            self.future.set_running_or_notify_cancel()
        elif problem := task.exception():
            self.future.set_exception(problem)
        else:
            self.future.set_result(task.result())


def submit(coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
    """Run a coroutine on the SDK's loop without waiting for it."""
    return Job(coroutine).start()


def block(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the SDK's loop and wait for it.

    Raises:
        UsageError: called on the loop itself, which would wait for ever.
    """
    __tracebackhide__ = True
    if on_loop():
        coroutine.close()
        raise UsageError(
            "a blocking call on the thread that moves messages would never return",
            hint="Await the verb's .aio() there.",
        )
    job = Job(coroutine)
    try:
        return job.start().result()
    except concurrent.futures.CancelledError:
        raise asyncio.CancelledError from None
    except BaseException as problem:
        if not job.future.done():
            job.cancel()
            concurrent.futures.wait([job.future], timeout=_CLEANUP)
        if type(problem) is KeyboardInterrupt:
            raise Interrupted(_ENDED) from None
        raise


async def bridge(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the SDK's loop and await it from any loop; cancelling this cancels that."""
    __tracebackhide__ = True
    if on_loop():
        return await coroutine
    job = Job(coroutine)
    future = asyncio.wrap_future(job.start())
    try:
        with _lookouts.setdefault(asyncio.get_running_loop(), _Lookout()):
            await asyncio.wait({future})
    except asyncio.CancelledError:
        job.cancel()
        await asyncio.wait({future}, timeout=_CLEANUP)
        raise Cancelled(_ENDED) from None
    return future.result()


class _Lookout:
    """Keeps one loop from sleeping for long while anybody awaits on it; one tick does for however many."""

    def __init__(self) -> None:
        self._awaiting = 0
        self._next: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        self._awaiting += 1
        if self._next is None:
            self._tick()

    def __exit__(self, *_problem: object) -> None:
        self._awaiting -= 1
        if not self._awaiting and self._next is not None:
            self._next.cancel()
            self._next = None

    def _tick(self) -> None:
        self._next = asyncio.get_running_loop().call_later(_TICK, self._tick)


class BoundVerb(Generic[P, R]):
    """A verb of one object: call it to block, use :meth:`aio` to await."""

    def __init__(self, coroutine: Callable[P, Coroutine[Any, Any, R]]) -> None:
        self._coroutine = coroutine
        self.__wrapped__ = coroutine
        self.__name__ = coroutine.__name__
        self.__doc__ = coroutine.__doc__

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        __tracebackhide__ = True
        return block(self._begun(*args, **kwargs))

    async def aio(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """The same, awaited; on any event loop."""
        __tracebackhide__ = True
        return await bridge(self._begun(*args, **kwargs))

    def _begun(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
        __tracebackhide__ = True
        try:
            return self._coroutine(*args, **kwargs)
        except TypeError as problem:  # nothing of it has run: its arguments are not what it takes
            raise self._wrong(problem, set(kwargs)) from None

    def _wrong(self, problem: TypeError, given: set[str]) -> WrongCall:
        takes = inspect.signature(self._coroutine).parameters
        for name in sorted(given - takes.keys()):
            if near := difflib.get_close_matches(name, takes, n=1, cutoff=0.75):
                return WrongCall(
                    f"{self.__name__}() has no {name}=", hint=f"Did you mean {near[0]}=?"
                )
        words = ", ".join(
            name + "=" * (one.default is not one.empty) for name, one in takes.items()
        )
        told = str(problem).partition("()")[2]
        return WrongCall(f"{self.__name__}(){told}", hint=f"It takes: {words}")

    def __repr__(self) -> str:
        return f"<verb {self.__name__}: call it to block, or await {self.__name__}.aio(...)>"


class verb(Generic[S, P, R]):
    """Turns a coroutine method into a :class:`BoundVerb`; the decorated method's signature and docstring stay."""

    def __init__(self, method: Callable[Concatenate[S, P], Coroutine[Any, Any, R]]) -> None:
        self._method = method
        functools.update_wrapper(self, method)  # type: ignore[arg-type]  # a descriptor, not a function

    @overload
    def __get__(self, instance: None, owner: type) -> verb[S, P, R]: ...
    @overload
    def __get__(self, instance: S, owner: type) -> BoundVerb[P, R]: ...
    def __get__(self, instance: S | None, owner: type) -> verb[S, P, R] | BoundVerb[P, R]:
        if instance is None:
            return self
        return BoundVerb(self._method.__get__(instance, owner))


def _forget_after_fork() -> None:
    """A forked child has neither the thread nor a right to its sockets."""
    global _loop, _thread, _lock
    _lock = threading.Lock()
    _loop = _thread = None


os.register_at_fork(after_in_child=_forget_after_fork)
