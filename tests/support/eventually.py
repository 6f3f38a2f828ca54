"""Waiting in tests: for a condition, never for a time.

``eventually(condition, within=2)`` gives the first true value of ``condition()``, or fails saying what it last gave. An
``AssertionError`` inside the condition counts as not yet, so that a whole assertion can be waited for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

_PAUSE = 0.01


def eventually(condition: Callable[[], T], within: float) -> T:
    """The first true value of ``condition()``.

    Raises:
        AssertionError: there was none within so many seconds.
    """
    deadline = time.monotonic() + within
    while True:
        late = (
            time.monotonic() > deadline
        )  # taken first: the condition is always tried after the deadline too
        try:
            value: object = (result := condition())
            if result:
                return result
        except AssertionError as error:
            value = error
        if late:
            raise AssertionError(f"not within {within} s; the last answer was {value!r}")
        time.sleep(_PAUSE)


async def eventually_async(condition: Callable[[], T | Awaitable[T]], within: float) -> T:
    """As :func:`eventually`, leaving the loop free; ``condition`` may be a coroutine function."""
    deadline = time.monotonic() + within
    while True:
        late = time.monotonic() > deadline
        try:
            result = condition()
            value: object = (answer := await result if isinstance(result, Awaitable) else result)
            if answer:
                return answer
        except AssertionError as error:
            value = error
        if late:
            raise AssertionError(f"not within {within} s; the last answer was {value!r}")
        await asyncio.sleep(_PAUSE)
