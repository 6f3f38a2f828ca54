"""Two joined sockets, with Pythons that read a socket although that was paused as it was made."""

import asyncio
import socket
from asyncio.selector_events import _SelectorSocketTransport

import pytest

from tfnz_jupyter.server.relay.pairs import Pair


@pytest.fixture
def eager(monkeypatch):
    """As in Python 3.11.2: reading cannot be paused while a connection is made."""
    monkeypatch.setattr(_SelectorSocketTransport, "pause_reading", lambda transport: None)


async def joined(near, far):
    """What both sockets hear of each other, once both are over."""
    us, ours = near
    them, theirs = far
    await asyncio.wait_for(Pair(ours, theirs).run(), 5)
    with us, them:
        return us.recv(99), them.recv(99)


async def test_what_comes_before_the_other_socket_is_there_arrives_and_so_does_its_end(eager):
    near, far = socket.socketpair(), socket.socketpair()
    for side, words in ((near[0], b"asked"), (far[0], b"answered")):
        side.sendall(words)
        side.shutdown(socket.SHUT_WR)
    assert await joined(near, far) == (b"answered", b"asked")


async def test_an_early_question_waits_for_its_late_answer(eager):
    near, far = socket.socketpair(), socket.socketpair()
    near[0].sendall(b"asked")
    near[0].shutdown(socket.SHUT_WR)
    answering = asyncio.ensure_future(answer(far[0]))
    assert (await joined(near, far))[0] == b"ASKED"
    await answering


async def answer(sock):
    sock.setblocking(False)
    asked = await asyncio.get_running_loop().sock_recv(sock, 99)
    sock.sendall(asked.upper())
    sock.shutdown(socket.SHUT_WR)
