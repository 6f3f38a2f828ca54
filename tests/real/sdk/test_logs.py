"""What a container printed: all of it, its end, what came since, and what is still to come."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import threading
import time
from datetime import datetime

import pytest

from tests.support.eventually import eventually
from tfnz_jupyter import UsageError

#: Prints a line for each line it is fed.
ECHOES = "while read line; do echo $line; done"


@pytest.fixture
def echo(node):
    container = node.spawn_container("busybox", command=ECHOES)
    container.stdin(b"one\ntwo\nthree\n")
    container.wait_log("three", timeout=60)
    return container


def test_the_last_lines_are_the_last_lines(echo):
    eventually(lambda: echo.logs().count(b"\n") == 3, within=5)
    assert echo.logs() == b"one\ntwo\nthree\n"
    assert echo.logs(tail=2) == b"two\nthree\n"
    assert echo.logs(tail=0) == b""
    assert echo.logs(99) == b"one\ntwo\nthree\n"


def test_since_leaves_out_what_came_before(echo):
    eventually(lambda: echo.logs().count(b"\n") == 3, within=5)
    then = time.time() + 0.001
    eventually(lambda: time.time() > then + 0.1, within=5)
    assert echo.logs(since=then) == b""
    echo.stdin(b"four\n")
    eventually(lambda: echo.logs(since=then) == b"four\n", within=10)
    assert echo.logs(since=datetime.fromtimestamp(then)) == b"four\n"
    assert echo.logs(since=0) == b"one\ntwo\nthree\nfour\n"


def test_following_goes_on_until_the_end(echo):
    got = []
    reading = threading.Thread(target=lambda: got.extend(echo.logs(follow=True)))
    reading.start()
    eventually(lambda: b"".join(got) == b"one\ntwo\nthree\n", within=10)
    echo.stdin(b"four\n")
    eventually(lambda: b"".join(got).endswith(b"four\n"), within=10)
    echo.stdin_eof()
    reading.join(20)
    assert b"".join(got) == echo.logs() == b"one\ntwo\nthree\nfour\n"


def test_following_may_begin_late(echo):
    echo.stdin_eof()
    echo.wait_exit(timeout=20)
    assert b"".join(echo.logs(2, follow=True)) == b"two\nthree\n"
    assert b"".join(echo.logs(0, follow=True)) == b""
    assert b"".join(echo.logs(follow=True, since=time.time() + 60)) == b""
    assert b"".join(echo.logs(follow=True, since=0)) == b"one\ntwo\nthree\n"


def test_following_can_be_left_and_begun_again(echo):
    assert next(iter(echo.logs(follow=True))).startswith(b"one")
    for data in echo.logs(1, follow=True):
        assert data == b"three\n"
        break
    echo.stdin(b"four\n")
    echo.wait_log("four", timeout=20)


def test_following_can_be_awaited(echo):
    async def first() -> bytes:
        async for data in echo.logs(1, follow=True):
            return data
        return b""

    assert asyncio.run(first()) == b"three\n"


def test_a_slow_follower_misses_nothing(node):
    container = node.spawn_container("busybox", command="read x; seq 1 400000")
    found = hashlib.md5()
    chunks = iter(container.logs(follow=True))
    container.stdin(b"\n")
    for data in itertools.islice(chunks, 3):
        found.update(data)
    eventually(lambda: container.log.complete > 1000, within=20)
    for data in chunks:
        found.update(data)
    wanted = b"".join(b"%d\n" % n for n in range(1, 400_001))
    assert found.digest() == hashlib.md5(wanted).digest()


@pytest.mark.parametrize("wrong", [{"tail": -1}, {"tail": "5"}, {"since": "now"}, {"since": -1}])
def test_a_wrong_argument_is_refused(echo, wrong):
    with pytest.raises(UsageError):
        echo.logs(**wrong)
