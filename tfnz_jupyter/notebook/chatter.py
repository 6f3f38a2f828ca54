"""What callbacks print into the cells that gave them: a megabyte each, then only how much more there was.

A callback of a container that prints without end would fill the notebook's file and slow its page, long after its cell ran.
The kernel's streams are told apart by the context of who writes: cells print as ever.
"""

from __future__ import annotations

import asyncio
import contextvars
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from ..sdk.callbacks import in_callback

ENOUGH = 1_000_000  # characters of one callback that are shown


class Allowance:
    """What one callback may still print, and what it has printed beyond that."""

    def __init__(self) -> None:
        self._left = ENOUGH
        self._lines = 0
        self._tell = 1

    def take(self, text: str) -> str:
        """What is to be shown for ``text``: the number of lines that were not is told each time it has doubled."""
        shown, rest = text[: self._left], text[self._left :]
        self._left -= len(shown)
        self._lines += rest.count("\n")
        if not rest or self._lines < self._tell:
            return shown
        self._tell = 2 * self._lines
        return (
            f"{shown}\n... {self._lines:,} more line{'s' * (self._lines > 1)} that a callback"
            " printed here are not shown: the logs have them ...\n"
        )


_allowance: contextvars.ContextVar[Allowance] = contextvars.ContextVar("allowance")


class Chatter:
    """The kernel's two streams, bounded for callbacks."""

    def __init__(self) -> None:
        self._streams: list[Any] = []

    def bound(self) -> None:
        """From the end of this cell on: while a cell runs, IPython has put a ``write`` of its own in place of theirs."""
        asyncio.get_running_loop().call_soon(self._bound)

    def free(self) -> None:
        """From the end of this cell on, no more."""
        if self._streams:
            asyncio.get_running_loop().call_soon(self._free)

    def _bound(self) -> None:
        self._streams = [sys.stdout, sys.stderr]
        for stream in self._streams:
            stream.write = partial(_write, stream.write)

    def _free(self) -> None:
        for stream in self._streams:
            stream.write = stream.write.args[0]
        self._streams.clear()


def _write(write: Callable[[str], object], text: str) -> int:
    if in_callback.get():
        _write_some(write, text)
    else:
        write(text)
    return len(text)


def _write_some(write: Callable[[str], object], text: str) -> None:
    allowance = _allowance.get(None)
    if allowance is None:
        _allowance.set(allowance := Allowance())
    if shown := allowance.take(text):
        write(shown)
