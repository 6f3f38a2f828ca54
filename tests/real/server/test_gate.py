"""The socket others connect to: who says nothing is dropped, the oldest first, and nobody else ever."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest
import zmq
import zmq.asyncio
from zmq.utils import z85

from tests.support.eventually import eventually_async
from tfnz_jupyter.errors import Refused, UsageError
from tfnz_jupyter.keyring import KeyPair, make_keys
from tfnz_jupyter.server import gate as gates
from tfnz_jupyter.server.gate import Gate, descriptor_of, key_of

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


def client(gate: Gate, keys: KeyPair) -> zmq.asyncio.Socket:
    made = zmq.asyncio.Context.instance().socket(zmq.DEALER)
    made.curve_serverkey = z85.encode(LOCATION.public)
    made.curve_publickey = z85.encode(keys.public)
    made.curve_secretkey = z85.encode(keys.secret)
    made.linger = 0
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
