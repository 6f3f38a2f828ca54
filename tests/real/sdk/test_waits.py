"""Waiting for a container: until it is so, until time is up, or until it cannot be any more."""

from __future__ import annotations

import asyncio
import re
import threading

import pytest

from tests.support.eventually import eventually
from tfnz_jupyter import ContainerEnded, EngineFailed, ImageNotFound, TimedOut, UsageError

#: Serves one page once it is fed a line.
SERVES = "read x; exec httpd -f -p 80 -h /www"


@pytest.fixture
def server(node):
    return node.spawn_container(
        "busybox", command=SERVES, pre_boot_files={"/www/index.html": "hello"}
    )


def waits(container, timeout):
    """Every wait there is, for what does not come by itself."""
    return [
        lambda: container.wait_tcp(80, timeout=timeout),
        lambda: container.wait_log("never printed", timeout=timeout),
        lambda: container.wait_http_200(timeout=timeout),
        lambda: container.wait_exit(timeout=timeout),
    ]


def test_each_says_what_did_not_happen_in_time(server):
    server.wait_until_ready(timeout=60)
    for wait in waits(server, 0.05):
        with pytest.raises(TimedOut, match=r"after 0\.05 s"):
            wait()
    assert server.run_process("echo well")[0] == b"well\n"


def test_a_page_that_does_not_come_is_told_with_whether_anything_listens(server):
    server.wait_until_ready(timeout=60)
    with pytest.raises(TimedOut) as silent:
        server.wait_http_200(timeout=0.05)
    server.stdin(b"\n")
    server.wait_tcp(80)
    with pytest.raises(TimedOut) as astray:
        server.wait_http_200(path="no/such/page", timeout=0.05)
    assert "Nothing listens on its port 80" in silent.value.hint
    assert "is the path right?" in astray.value.hint


def test_each_ends_when_what_it_waits_for_is_so(server):
    server.wait_until_ready(timeout=60)
    done = []
    listening = threading.Thread(target=lambda: done.append(server.wait_tcp(80)))
    serving = threading.Thread(target=lambda: done.append(server.wait_http_200()))
    for thread in (listening, serving):
        thread.start()
    server.stdin(b"\n")
    for thread in (listening, serving):
        thread.join(30)
    assert sorted(map(repr, done)) == sorted(map(repr, [None, server.all_tunnels()[0]]))


def test_each_fails_at_once_when_the_container_ends(node):
    container = node.spawn_container("busybox", command="read x; echo over; exit 3")
    container.wait_until_ready(timeout=60)
    said = []

    def told(wait):
        with pytest.raises(ContainerEnded, match="exited with code 3"):
            wait()
        said.append(wait)

    threads = [threading.Thread(target=told, args=(wait,)) for wait in waits(container, 60)[:3]]
    for thread in threads:
        thread.start()
    container.stdin(b"\n")
    for thread in threads:
        thread.join(20)
    assert len(said) == 3
    assert container.wait_exit(timeout=20) == 3


def test_each_says_why_a_spawn_failed(node):
    for image, error in (("no-such-image-anywhere", ImageNotFound), ("busybox", EngineFailed)):
        container = node.spawn_container(image, command=["no-such-program"])
        for wait in [*waits(container, 60), lambda c=container: c.wait_until_ready(timeout=60)]:
            with pytest.raises(error, match="no-such"):
                wait()


def test_a_wait_goes_on_over_a_reboot(server):
    server.wait_until_ready(timeout=60)
    done = threading.Event()
    waiting = threading.Thread(target=lambda: (server.wait_tcp(80), done.set()))
    waiting.start()
    server.reboot()
    assert not done.is_set()
    server.stdin(b"\n")
    assert done.wait(20)


def test_a_wait_can_be_given_up(server):
    async def give_up():
        waiting = asyncio.ensure_future(server.wait_log.aio("never printed"))
        await asyncio.wait([waiting], timeout=0.1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    server.wait_until_ready(timeout=60)
    asyncio.run(give_up())
    server.stdin(b"\n")
    server.wait_tcp(80, timeout=20)


def test_waits_see_what_is_so_already(server):
    server.stdin(b"\n")
    tunnel = server.wait_http_200(timeout=60)
    server.wait_tcp(80, timeout=20)
    assert server.wait_http_200(timeout=20) is tunnel
    assert server.all_tunnels() == [tunnel]


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        ("^sec", b"second LINE"),
        (rb"l\w+e", b"first line"),
        (re.compile("^SECOND", re.IGNORECASE), b"second LINE"),
        (re.compile(rb"LINE$"), b"second LINE"),
    ],
)
def test_a_line_may_be_told_by_any_pattern(node, pattern, line):
    container = node.spawn_container("busybox", command="echo first line; echo second LINE")
    assert container.wait_log(pattern, timeout=60) == line


def test_a_wait_without_meaning_is_refused_at_once(node):
    container = node.spawn_container("busybox", sleep=True, command="true")
    for wait in (
        lambda: container.wait_tcp(0),
        lambda: container.wait_tcp("http"),
        lambda: container.wait_http_200(dest_port=70_000),
        lambda: container.wait_log("("),
        lambda: container.wait_log(5),
        lambda: container.wait_exit(timeout=-1),
        lambda: container.wait_until_ready(timeout="soon"),
    ):
        with pytest.raises(UsageError):
            wait()
    eventually(container.is_ready, within=60)
