"""Deeds of an engine that go on whoever waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Background:
    """The deeds of one engine, or of one thing of it."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def begin(self, deed: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Have it done; its task, for whoever cares."""
        task = asyncio.create_task(deed)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def finish(self, deed: Coroutine[Any, Any, T]) -> T:
        """What it gives; it is done to its end even if the caller gives up."""
        task = self.begin(deed)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())  # seen
        return await asyncio.shield(task)

    async def over(self) -> None:
        """Return once all are done."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def cancel(self) -> None:
        """End all; return once they have."""
        for task in list(self._tasks):
            task.cancel()
        await self.over()
