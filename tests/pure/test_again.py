"""Streams that go on at a location that was killed: no byte of input lost or doubled, none of output uncounted."""

import os

from hypothesis import given
from hypothesis import strategies as st

from tfnz_jupyter.engines.base import Mark
from tfnz_jupyter.engines.embedded import tally
from tfnz_jupyter.link.space import Space
from tfnz_jupyter.sdk.streams import Feed, Incoming, Source
from tfnz_jupyter.server.log import Log
from tfnz_jupyter.wire.messages import Chunk, End, FeedAgain, FollowAgain

SOURCE = Source("container", "process")


class Wire:
    """What a stream has said, in order."""

    def __init__(self):
        self.said = []

    def tell(self, message, bulk=b""):
        self.said.append((message, bulk))

    def sent(self):
        return b"".join(bulk for message, bulk in self.said if isinstance(message, Chunk))


def feed(wire):
    return Feed(7, wire.tell, Space(lambda: True, lambda: 1 << 16), SOURCE)


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=10), st.data())
async def test_input_that_was_sent_and_not_fed_is_sent_again_and_no_other(pieces, data):
    wire = Wire()
    stream = feed(wire)
    for piece in pieces:
        await stream.write(piece)
    whole = b"".join(pieces)
    fed = data.draw(st.integers(0, len(whole)))
    assert stream.again() == FeedAgain("container", "process", 7, len(whole))
    wire.said.clear()
    stream.go_on(fed)
    await stream.write(b"more")
    assert wire.sent() == whole[fed:] + b"more"
    assert not wire.said[0][1] or wire.said[0][0].offset == fed


async def test_an_end_of_input_is_said_again_after_what_comes_before_it():
    wire = Wire()
    stream = feed(wire)
    await stream.write(b"all")
    stream.finish()
    assert stream.again() is not None
    wire.said.clear()
    stream.go_on(0)
    assert [type(message) for message, _ in wire.said] == [Chunk, End]
    assert wire.sent() == b"all"


async def test_input_whose_reader_has_gone_is_not_gone_on_with():
    stream = feed(Wire())
    stream.close()
    assert stream.again() is None


async def test_output_goes_on_where_it_had_come_to():
    def take(mark, data, used):
        return data.count(b"\n")

    incoming = Incoming(3, Wire().tell, take, print, print, SOURCE)
    incoming.arrive(0, 1, b"one\ntwo\n")
    incoming.skip(10, 1)
    again = incoming.again()
    assert isinstance(again, FollowAgain)
    assert (again.offset, again.lines) == (18, 3)


async def test_what_another_location_read_is_told_as_skipped_and_only_once():
    log = Log()
    log.begin_at(100, 10)
    reader = log.reader(lossless=True, offset=40, lines=4)
    piece = await reader.read(1000)
    assert (piece.data, piece.skipped, piece.skipped_lines) == (b"", 60, 6)
    log.append(Mark.OUT, b"new\n")
    piece = await reader.read(1000)
    assert (piece.data, piece.skipped) == (b"new\n", 0)


async def test_who_had_all_misses_nothing():
    log = Log()
    log.begin_at(100, 10)
    log.append(Mark.OUT, b"new\n")
    piece = await log.reader(lossless=True, offset=100, lines=10).read(1000)
    assert (piece.data, piece.skipped) == (b"new\n", 0)


async def test_what_is_missing_of_a_log_that_has_ended_is_told_before_its_end():
    log = Log()
    log.begin_at(5, 1)
    log.end()
    reader = log.reader(lossless=True)
    assert (await reader.read(10)).skipped == 5
    assert await reader.read(10) is None


def test_a_tally_is_found_again_by_whoever_has_its_memory():
    fd = tally.blank()
    first, second = tally.Tally(os.dup(fd)), os.dup(fd)
    first.count_read(b"a\nb\n")
    first.count_fed(3)
    again = tally.Tally(second)
    assert (again.read, again.lines, again.fed) == (4, 2, 3)
    os.close(fd)
