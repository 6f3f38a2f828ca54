"""Blocking work on this machine's disk, off the loop, on a daemon thread that is there only while it has work."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from typing import Any, TypeVar

from .callbacks import Callbacks

T = TypeVar("T")


class Worker:
    """Does one deed after the other."""

    def __init__(self, name: str) -> None:
        self._queue = Callbacks(name)

    async def do(self, deed: Callable[[], T]) -> T:
        """What ``deed()`` gives. Cancelling stops the wait, not the deed."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def work() -> None:
            try:
                result = deed()
            except Exception as problem:
                loop.call_soon_threadsafe(_settle, future, None, problem)
            else:
                loop.call_soon_threadsafe(_settle, future, result, None)

        self._queue.post(contextvars.copy_context(), work)
        return await future

    def post(self, deed: Callable[[], object]) -> None:
        """Do something after all that was asked for before; nobody waits."""
        self._queue.post(contextvars.copy_context(), deed)


def _settle(future: asyncio.Future[Any], result: Any, problem: Exception | None) -> None:
    if future.done():
        return
    if problem is None:
        future.set_result(result)
    else:
        future.set_exception(problem)
