"""The socket others connect to: who says nothing is dropped, the oldest first, and nobody else ever."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path
from typing import Any

import pytest
import zmq
import zmq.asyncio
from zmq.utils import z85

from tests.support.eventually import eventually_async
from tfnz_jupyter.errors import Refused, UsageError
from tfnz_jupyter.keyring import KeyPair, make_keys
from tfnz_jupyter.server import gate as gates
from tfnz_jupyter.server.accounts import Accounts
from tfnz_jupyter.server.gate import Gate, descriptor_of, key_of
from tfnz_jupyter.server.router import Router
from tfnz_jupyter.wire import messages as m
from tfnz_jupyter.wire.codec import encode

LOCATION, ADA = make_keys(), make_keys()


@pytest.fixture
async def gate(tmp_path: Path):
    here = Gate([f"ipc://{tmp_path}/s", "tcp://127.0.0.1:*"], LOCATION, ADA.public.__eq__)
    yield here
    here.close()


def port_of(gate: Gate) -> int:
    return int(gate.endpoints[1].rpartition(":")[2])


def knock(gate: Gate) -> socket.socket:
    """A connection that says nothing."""
    silent = socket.create_connection(("127.0.0.1", port_of(gate)))
    silent.setblocking(False)
    return silent


def is_open(silent: socket.socket) -> bool:
    try:
        return silent.recv(64) != b""  # libzmq's greeting, at first
    except BlockingIOError:
        return True
    except ConnectionError:
        return False


def client(gate: Gate, keys: KeyPair, *, holds: int = 1000) -> zmq.asyncio.Socket:
    """A connection that takes so many messages in before anybody reads them."""
    made = zmq.asyncio.Context.instance().socket(zmq.DEALER)
    made.curve_serverkey = z85.encode(LOCATION.public)
    made.curve_publickey = z85.encode(keys.public)
    made.curve_secretkey = z85.encode(keys.secret)
    made.linger, made.rcvhwm = 0, holds
    made.connect(gate.endpoints[1])
    return made


async def test_frames_know_whose_they_are(gate: Gate) -> None:
    with client(gate, ADA) as ada:
        await ada.send(b"hello")
        route, frames = await asyncio.wait_for(gate.recv(), 10)
        assert (key_of(frames[0]), frames[0].bytes) == (ADA.public, b"hello")
        gate.send(route, [b"good", b"day"])
        assert await asyncio.wait_for(ada.recv_multipart(), 10) == [b"good", b"day"]


async def test_who_says_nothing_is_dropped_after_a_while(gate: Gate, monkeypatch) -> None:
    monkeypatch.setattr(gates, "PATIENCE", 0.05)
    silent = knock(gate)

    def dropped() -> bool:
        gate.tick()
        return not is_open(silent)

    await eventually_async(dropped, within=10)
    silent.close()


async def test_who_has_a_key_and_says_nothing_is_dropped_too(gate: Gate, monkeypatch) -> None:
    with client(gate, ADA) as ada:
        await ada.send(b"hello")
        _, frames = await asyncio.wait_for(gate.recv(), 10)
        before = descriptor_of(frames[0])
        gate.suspect(before)
        monkeypatch.setattr(gates, "PATIENCE", 0.0)
        await eventually_async(lambda: gate.tick() or not is_socket(before), within=10)


async def test_who_belongs_to_a_session_is_never_dropped(gate: Gate, monkeypatch) -> None:
    monkeypatch.setattr(gates, "PATIENCE", 0.0)
    monkeypatch.setattr(gates, "MOST_SILENT", 3)
    with client(gate, ADA) as ada:
        await ada.send(b"hello")
        route, frames = await asyncio.wait_for(gate.recv(), 10)
        gate.settled(descriptor_of(frames[0]))
        crowd = [knock(gate) for _ in range(50)]
        await eventually_async(lambda: gate.tick() or not any(map(is_open, crowd)), within=10)
        gate.send(route, [b"still here"])
        assert await asyncio.wait_for(ada.recv_multipart(), 10) == [b"still here"]
        for silent in crowd:
            silent.close()


async def test_of_a_crowd_that_says_nothing_the_oldest_go_first(gate: Gate, monkeypatch) -> None:
    monkeypatch.setattr(gates, "MOST_SILENT", 5)
    crowd = []
    for _ in range(12):
        crowd.append(knock(gate))
        await eventually_async(lambda: is_greeted(crowd[-1]), within=10)
    await eventually_async(
        lambda: [is_open(one) for one in crowd] == [False] * 7 + [True] * 5, within=10
    )
    for silent in crowd:
        silent.close()


async def test_a_descriptor_that_is_something_else_by_now_is_left_alone(gate: Gate) -> None:
    ours, theirs = socket.socketpair()
    gate.suspect(ours.fileno())
    gate._drop_oldest()
    theirs.send(b"alive")
    assert ours.recv(5) == b"alive"
    ours.close(), theirs.close()


async def test_it_is_known_what_the_other_end_has_taken(gate: Gate) -> None:
    with client(gate, ADA, holds=1) as ada:
        await ada.send(b"hello")
        route, frames = await asyncio.wait_for(gate.recv(), 10)
        descriptor = descriptor_of(frames[0])
        begun = gate.taken(descriptor)
        assert begun is not None
        for _ in range(64):
            gate.send(route, [bytes(1 << 20)])
        await eventually_async(lambda: gate.taken(descriptor) > begun + 1000, within=10)
        assert gate.taken(descriptor) < 60 << 20  # who does not read takes no more than its kernel
        assert gate.taken(-1) is None


async def test_who_claims_to_have_received_what_it_never_read_is_found_out(gate: Gate) -> None:
    nothing: Any = lambda *_: None  # noqa: E731
    accounts = Accounts(ADA.public, None)
    greeting = lambda: ("engine", [])  # noqa: E731
    router = Router(gate, accounts, nothing, nothing, nothing, nothing, lambda: False, greeting)
    with client(gate, ADA, holds=1) as ada:
        await ada.send_multipart(encode(m.Hello(m.WIRE_VERSION, turn=1)))
        router._receive(*await asyncio.wait_for(gate.recv(), 10))
        (peer,) = router.peers.values()
        for number in range(1, 101):
            peer.tell(m.Progressed(1, "step", "x" * (1 << 20)))
            await ada.send_multipart(encode(m.Beat(number)))
            router._receive(*await asyncio.wait_for(gate.recv(), 10))
        assert peer.wire.held == 0
        router._look_after(peer)
        assert router.peers == {}


async def test_a_place_that_is_taken_or_is_nowhere_is_named(gate: Gate) -> None:
    with pytest.raises(Refused, match=f"127.0.0.1:{port_of(gate)} is taken"):
        Gate([gate.endpoints[1]], LOCATION, ADA.public.__eq__)
    with pytest.raises(UsageError, match=r"cannot listen on 192\.0\.2\.1"):
        Gate(["tcp://192.0.2.1:4567"], LOCATION, ADA.public.__eq__)


def is_greeted(silent: socket.socket) -> bool:
    """Whether the other end has accepted it."""
    try:
        return silent.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return False


def is_socket(descriptor: int) -> bool:
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}").startswith("socket:")
    except FileNotFoundError:
        return False
