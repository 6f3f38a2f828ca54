"""Where the tasks of an asyncio loop wait: what one wants to know of a test that never ended."""

from __future__ import annotations

import asyncio
import os
import warnings
from collections.abc import Iterator
from typing import Any


def waiting() -> str:
    """Of this thread's loop, each task and the lines it waits at, the innermost last; empty where there is no loop."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            tasks = asyncio.all_tasks(asyncio.get_event_loop())
        except RuntimeError:
            return ""
    found = sorted(tasks, key=lambda task: task.get_name())
    return "\n".join(line for task in found for line in [task.get_name(), *_lines(task)])


def _lines(task: asyncio.Task[Any]) -> Iterator[str]:
    inner: Any = task.get_coro()
    while inner is not None:
        frame = getattr(inner, "cr_frame", None) or getattr(inner, "gi_frame", None)
        if frame is not None:
            code = frame.f_code
            yield f"    {os.path.relpath(code.co_filename)}:{frame.f_lineno} {code.co_qualname}"
        inner = getattr(inner, "cr_await", None) or getattr(inner, "gi_yieldfrom", None)
