"""A stream sends as far as its reader has granted, and its session has room for: no further, and no less."""

import asyncio

import pytest

from tfnz_jupyter.errors import Ended
from tfnz_jupyter.link.outflow import Outflow
from tfnz_jupyter.link.space import Space
from tfnz_jupyter.wire import messages as m
from tfnz_jupyter.wire.streams import Sending

PIECE = 64 * 1024


class Session:
    """What a stream sends by; ``free`` is whether it has room."""

    def __init__(self):
        self.free = True
        self.said = []
        self.space = Space(lambda: self.free, lambda: PIECE)

    def tell(self, message, bulk):
        self.said.append((message, bulk))

    def stream(self, number=1, window=10 * PIECE):
        return Outflow(number, self.tell, self.space, Sending(limit=window))

    def sent(self, number=1):
        return b"".join(bulk for message, bulk in self.said if message.stream == number)


async def let_run():
    for _ in range(5):
        await asyncio.sleep(0)


async def test_it_stops_at_what_was_granted_and_goes_on_from_there():
    session = Session()
    stream = session.stream(window=PIECE)
    writing = asyncio.ensure_future(stream.write(bytes(PIECE + 5)))
    await let_run()
    assert len(session.sent()) == PIECE
    stream.grant(2 * PIECE)
    await writing
    assert [message.offset for message, _ in session.said] == [0, PIECE]


async def test_it_waits_while_its_session_has_no_room():
    session = Session()
    session.free = False
    writing = asyncio.ensure_future(session.stream().write(b"later"))
    await let_run()
    assert session.said == []
    session.free = True
    session.space.look()
    await writing
    assert session.sent() == b"later"


async def test_a_stream_whose_reader_stalls_keeps_no_other_waiting():
    session = Session()
    stalled = asyncio.ensure_future(session.stream(1, window=0).write(b"never"))
    await session.stream(2).write(b"now")
    assert session.sent(2) == b"now"
    stalled.cancel()


async def test_who_writes_to_a_stream_that_nobody_reads_is_told():
    stream = Session().stream(window=0)
    writing = asyncio.ensure_future(stream.write(b"x"))
    await let_run()
    stream.close()
    with pytest.raises(Ended, match="nobody reads"):
        await writing


async def test_its_end_is_said_once():
    session = Session()
    stream = session.stream()
    stream.finish()
    stream.finish(whole=False)
    assert [message for message, _ in session.said] == [m.End(1)]
