"""What a page's terminal has done to its process: in order where order matters, and never waiting."""

from __future__ import annotations

import asyncio
import threading
import time

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


class Page:
    """What is sent to it."""

    def __init__(self) -> None:
        self.heard: list[dict[str, object]] = []

    def send(self, content: dict[str, object], buffers: object = None) -> None:
        self.heard.append(content)


def test_what_is_said_anyway_tells_a_page_how_many_of_its_keys_have_come():
    (feed, process), page = fed(), Page()
    feed.page = page
    process.reads.set()
    feed.key(b"x", "this page", 7)
    feed.take(process, b"x")
    feed.take(process, b"y")
    eventually(lambda: feed.tick(time.monotonic()) or len(page.heard) == 2, within=5)
    assert [one.get("typed") for one in page.heard] == [{"this page": 7}, None]


def test_a_flood_goes_out_piece_by_piece_and_nothing_of_it_is_left_out():
    (feed, process), page = fed(), Page()
    feed.page = page
    for _ in range(40):
        feed.take(process, bytes(10_000))
        feed.acknowledged(10**9)
    feed.tick(time.monotonic())
    assert not any("replay" in one for one in page.heard)
    assert feed._sent == 400_000
    assert len(page.heard) < 10


def test_a_process_that_takes_no_keys_can_be_resized_and_closed():
    feed, process = fed()
    feed.key(b"x")
    feed.resize(80, 24)
    feed.close()
    eventually(lambda: process.seen == [(80, 24), (1,)], within=5)
    process.reads.set()
    eventually(lambda: process.seen[-1] == (b"x",), within=5)
