"""What a page's terminal has done to its process: in order where order matters, and never waiting."""

from __future__ import annotations

import asyncio
import threading

from tests.support.eventually import eventually
from tfnz_jupyter.notebook.terminals import TerminalFeed


class Verb:
    """A verb of a process, as far as it is awaited; what it was given is noted in ``seen``."""

    def __init__(self, seen: list[object], until: threading.Event | None = None) -> None:
        self._seen, self._until = seen, until

    async def aio(self, *given: object) -> None:
        if self._until is not None:
            await asyncio.to_thread(self._until.wait)
        self._seen.append(given)


class Typed:
    """A process that takes keys once it ``reads``."""

    def __init__(self) -> None:
        self.seen: list[object] = []
        self.reads = threading.Event()
        self.stdin = Verb(self.seen, self.reads)
        self.resize = self.kill = Verb(self.seen)


def fed() -> tuple[TerminalFeed, Typed]:
    feed, process = TerminalFeed(on_over=lambda: None), Typed()
    feed.process = process  # type: ignore[assignment]
    return feed, process


def test_keys_arrive_in_the_order_in_which_they_were_typed():
    feed, process = fed()
    for key in b"hello":
        feed.key(bytes([key]))
    process.reads.set()
    eventually(lambda: len(process.seen) == 5, within=5)
    assert process.seen == [(bytes([key]),) for key in b"hello"]


def test_a_process_that_takes_no_keys_can_be_resized_and_closed():
    feed, process = fed()
    feed.key(b"x")
    feed.resize(80, 24)
    feed.close()
    eventually(lambda: process.seen == [(80, 24), (1,)], within=5)
    process.reads.set()
    eventually(lambda: process.seen[-1] == (b"x",), within=5)
