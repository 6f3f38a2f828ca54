"""Looking again and again, for what is few enough that a watch of its own would be too much."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from ...errors import TfnzError

_LOOK = 0.1  # seconds between two looks, at first
_RARELY = 1.0  # and later


async def until(so: Callable[[], Awaitable[bool]], within: float, otherwise: TfnzError) -> None:
    """Return once it is so; raise ``otherwise`` where it is not within so many seconds."""
    pause = _LOOK
    try:
        async with asyncio.timeout(within):
            while True:
                if await so():
                    return
                await asyncio.sleep(pause)
                pause = min(pause * 1.2, _RARELY)
    except TimeoutError:
        raise otherwise from None
