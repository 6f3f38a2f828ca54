"""A time-out that says in words what did not happen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ..errors import TimedOut


@asynccontextmanager
async def within(timeout: float | None, otherwise: str) -> AsyncIterator[None]:
    """Give the body ``timeout`` seconds (None: for ever).

    Raises:
        TimedOut: it took longer; the message is ``otherwise`` and the time it had.
    """
    try:
        async with asyncio.timeout(timeout) as deadline:
            yield
    except TimeoutError as problem:
        if not deadline.expired():
            raise
        raise TimedOut(f"{otherwise} after {timeout:g} s") from problem
