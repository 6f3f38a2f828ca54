"""A socket of libzmq on a loop: whole messages, none missed, and others have their turn."""

from __future__ import annotations

import asyncio
import select
from collections.abc import Iterator

import pytest
import zmq

from tests.support.eventually import eventually_async
from tfnz_jupyter.link.plug import Plug, contents

FLOOD = 100


@pytest.fixture
async def ends() -> Iterator[tuple[Plug, Plug]]:
    """Two that are connected."""
    context = zmq.Context()
    here, there = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
    here.bind("inproc://ends")
    there.connect("inproc://ends")
    both = Plug(here), Plug(there)
    yield both
    for end in both:
        end.close(0)
    context.term()


async def said(end: Plug) -> list[bytes]:
    frames = await asyncio.wait_for(end.recv(), 10)
    return [bytes(one) for one in contents(frames)]


async def test_messages_come_whole_and_in_order(ends: tuple[Plug, Plug]) -> None:
    here, there = ends
    here.send([b"head", b"bulk" * 100_000])
    here.send([b"alone"])
    assert await said(there) == [b"head", b"bulk" * 100_000]
    assert await said(there) == [b"alone"]


async def test_who_waits_sees_what_came_while_something_was_sent(ends: tuple[Plug, Plug]) -> None:
    here, there = ends
    for _ in range(3):
        waiting = asyncio.ensure_future(said(here))
        await eventually_async(lambda: here._waiting is not None, within=10)
        there.send([b"news"])
        here._socket.get(zmq.EVENTS)  # takes the signal, as sending does now and then
        here.send([b"other news"])
        assert await waiting == [b"news"]
        assert await said(there) == [b"other news"]


async def test_a_flood_leaves_others_their_turn(ends: tuple[Plug, Plug]) -> None:
    here, there = ends
    for _ in range(FLOOD):
        here.send([b"much"])
    turns, flooded = 0, asyncio.ensure_future(drained(there, FLOOD))
    while not flooded.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns >= FLOOD / 10


async def drained(end: Plug, count: int) -> None:
    for _ in range(count):
        await end.recv()


async def test_a_signal_that_nobody_waits_for_does_not_keep_the_loop_busy(
    ends: tuple[Plug, Plug],
) -> None:
    here, there = ends
    assert await there.take() is None
    here.send([b"news"])
    assert is_signalled(there)
    await eventually_async(lambda: not is_signalled(there), within=10)
    assert await said(there) == [b"news"]


def is_signalled(end: Plug) -> bool:
    return bool(select.select([end._descriptor], [], [], 0)[0])
