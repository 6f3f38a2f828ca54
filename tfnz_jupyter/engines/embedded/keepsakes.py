"""What the keeper keeps of processes that have ended, until a location has noted how: their unread output and their status.

A location that dies may not have read the news of an end, nor all that was printed; the next one gets both from here.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from . import messages
from .messages import News


@dataclass(slots=True)
class _Keepsake:
    container: str
    outputs: list[int]  # read ends, and the tally
    exited: messages.Exited


class Keepsakes:
    """By id of the process."""

    def __init__(self) -> None:
        self._kept: dict[str, _Keepsake] = {}

    def keep(self, container: str, outputs: list[int], exited: messages.Exited) -> None:
        """A process has ended; the descriptors are ours from now on."""
        self.let_go(exited.id)
        self._kept[exited.id] = _Keepsake(container, outputs, exited)

    def let_go(self, process: str) -> None:
        """A location has noted the end. Nothing happens if it did before."""
        if found := self._kept.pop(process, None):
            for fd in found.outputs:
                os.close(fd)

    def recall(self, seq: int, say: Callable[[News, list[int]], None]) -> None:
        """Tell a new location of each, as the answer to a request."""
        for name, kept in self._kept.items():
            news = messages.KeptProcess(
                seq, kept.container, name, kept.exited.status, kept.exited.out_of_memory
            )
            say(news, [os.dup(fd) for fd in kept.outputs])
