"""A log keeps the newest, tells what is gone, and holds its writer back only for those who must have all."""

import asyncio
import time

import pytest

from tfnz_jupyter.engines.base import Mark
from tfnz_jupyter.server.log import HELD, Log

LINE = b"0123456789abcde\n"


async def drain(reader):
    pieces = []
    while (piece := await reader.read(1 << 20)) is not None:
        pieces.append(piece)
    return pieces


async def test_a_reader_gets_everything_with_its_mark():
    log = Log()
    log.append(Mark.OUT, b"out")
    log.append(Mark.ERR, b"err")
    log.end()
    pieces = await drain(log.reader(lossless=False))
    assert [(p.mark, p.data) for p in pieces] == [(Mark.OUT, b"out"), (Mark.ERR, b"err")]


async def test_a_reader_that_comes_too_late_is_told_how_much_is_gone():
    log = Log()
    printed = LINE * (3 * HELD // len(LINE))
    for at in range(0, len(printed), 65536):
        log.append(Mark.OUT, printed[at : at + 65536])
    log.end()
    pieces = await drain(log.reader(lossless=False))
    held = sum(len(p.data) for p in pieces)
    assert pieces[0].skipped + held == len(printed)
    assert pieces[0].skipped_lines == pieces[0].skipped // len(LINE)
    assert held >= HELD


async def test_the_log_never_holds_much_more_than_its_bound():
    log = Log()
    for _ in range(4 * HELD // 65536):
        log.append(Mark.OUT, bytes(65536))
    assert sum(len(block.data) for block in log._blocks) <= HELD + 128 * 1024


async def test_a_lossless_reader_holds_the_writer_back():
    log = Log()
    reader = log.reader(lossless=True)
    log.append(Mark.OUT, bytes(HELD // 2))
    room = asyncio.ensure_future(log.room())
    await asyncio.sleep(0)
    assert not room.done()
    await reader.read(HELD)
    await asyncio.wait_for(room, 5)


async def test_a_reader_that_leaves_frees_the_writer():
    log = Log()
    reader = log.reader(lossless=True)
    log.append(Mark.OUT, bytes(HELD))
    room = asyncio.ensure_future(log.room())
    reader.close()
    await asyncio.wait_for(room, 5)


async def test_reading_waits_for_what_is_not_printed_yet():
    log = Log()
    reading = asyncio.ensure_future(log.reader(lossless=False).read(10))
    await asyncio.sleep(0)
    log.append(Mark.OUT, b"late")
    assert (await asyncio.wait_for(reading, 5)).data == b"late"


@pytest.mark.parametrize("lines", [1, 2, 50])
def test_the_tail_is_the_last_lines(lines):
    log = Log()
    log.append(Mark.OUT, b"a\nb\nc\n")
    assert log.tail(lines) == "\n".join(["a", "b", "c"][-lines:])


@pytest.mark.parametrize(
    ("tail", "place"), [(0, (12, 3)), (1, (8, 2)), (2, (4, 1)), (3, (0, 0)), (9, (0, 0))]
)
async def test_the_last_lines_have_a_place(tail, place):
    log = Log()
    for word in (b"one\n", b"two\n", b"3"):
        log.append(Mark.OUT, word)
    log.append(Mark.ERR, b"ee\n")
    assert log.place(tail, None) == place


async def test_an_unfinished_line_is_the_last_one():
    log = Log()
    log.append(Mark.OUT, b"one\ntwo")
    assert log.place(1, None) == (4, 1)
    assert log.place(2, None) == (0, 0)


async def test_what_came_since_a_time_has_a_place():
    log = Log()
    log.append(Mark.OUT, b"one\n")
    assert log.place(None, 0.0) == (0, 0)
    assert log.place(None, time.time() + 60) == (4, 1)
    assert log.place(None, None) == (0, 0)
