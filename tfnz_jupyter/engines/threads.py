"""Blocking work on threads of the engine's own, and waiting that nothing cuts short."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


class Threads:
    """A few threads for short deeds on disk."""

    def __init__(self, count: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(count, name)

    async def run(self, deed: Callable[[], T]) -> T:
        """What ``deed()`` gives. A cancellation waits for its end: it may be using descriptors that are closed next."""
        future = asyncio.get_running_loop().run_in_executor(self._pool, deed)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await to_the_end(future)
            raise

    def close(self) -> None:
        """Take no more work; what runs ends by itself."""
        self._pool.shutdown(wait=False)


async def to_the_end(future: asyncio.Future[Any]) -> None:
    """Wait, whatever happens to who waits; a cancellation is raised afterwards."""
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
