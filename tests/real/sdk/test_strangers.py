"""A location answers its own user, each session about its own things, and lives through everything else."""

import dataclasses
import secrets
import socket
import time

import pytest
from nacl.public import PrivateKey

from tests.support.eventually import eventually
from tfnz_jupyter import Location, NotFound, ProtocolError, Refused, Unreachable, UsageError
from tfnz_jupyter.blocking import block
from tfnz_jupyter.folders import runtime_folder
from tfnz_jupyter.keyring import KeyPair
from tfnz_jupyter.sdk.connection import Connection
from tfnz_jupyter.wire import messages as m


class Nobody:
    def heard(self, message):
        raise AssertionError(message)

    def session_ended(self, why):
        raise AssertionError(why)


def new_key():
    key = PrivateKey.generate()
    return KeyPair(bytes(key.public_key), bytes(key))


def refused_quickly(address, error, words):
    began = time.monotonic()
    with pytest.raises(error, match=words):
        block(Connection.open(address, Nobody()))
    assert time.monotonic() - began < 6


def test_another_users_key_is_told_that_it_is_unknown(location):
    address = location._connection._address
    refused_quickly(dataclasses.replace(address, user=new_key()), Refused, "does not know")


def test_a_location_with_another_key_than_it_should_have_is_not_talked_to(location):
    address = location._connection._address
    impostor = dataclasses.replace(address, server_key=new_key().public)
    refused_quickly(impostor, Unreachable, "another key")


@pytest.mark.parametrize(
    "call",
    [
        lambda loc, c: loc.ensure_image_uploaded(123),
        lambda loc, c: c.attach_tunnel(80, bind=7),
        lambda loc, c: c.wait_http_200(path=5),
        lambda loc, c: c.stdin("text"),
        lambda loc, c: c.spawn_process(["sleep", "9"]).kill(999),
        lambda loc, c: c.run_process(["echo", "\udc80"]),
    ],
)
def test_a_wrong_argument_costs_the_call_and_not_the_session(location, call):
    container = location.node().spawn_container("busybox", command=["sleep", "1000"])
    container.wait_until_ready(timeout=60)
    with pytest.raises(UsageError):
        call(location, container)
    assert container.run_process("true")[2] == 0


def test_garbage_on_the_socket_costs_nobody_else_anything(location):
    for size in (1, 64, 100_000):
        with socket.socket(socket.AF_UNIX) as stranger:
            stranger.connect(str(runtime_folder() / "location.sock"))
            stranger.sendall(secrets.token_bytes(size))
    assert location.node().spawn_container("busybox", command="exit 6").wait_exit(60) == 6


@pytest.mark.parametrize(
    "frames",
    [
        [b"\x81\xa1t\xa5\xff\xff\xff\xff\xff"],
        [b"\x81\xa1t" + b"\x91" * 100_000],
        [b"\x81\xa1t\xa5hello"],
    ],
    ids=["no text", "too deep", "cut off"],
)
def test_a_broken_packet_ends_its_own_session_alone(location, frames):
    with Location() as broken:
        connection = broken._connection
        block(say(connection, frames))
        eventually(lambda: broken.dead, within=5)
    assert location.node().spawn_container("busybox", command="exit 6").wait_exit(60) == 6


def test_one_stream_id_twice_is_refused_and_nothing_is_left_of_it(location):
    with Location() as odd:
        wish = m.Spawn("c" * 26, "odd", "busybox", 4_000_001, 4_000_001)
        with pytest.raises(ProtocolError):
            block(odd._connection.call(wish))
    assert location.node().spawn_container("busybox", command="exit 6").wait_exit(60) == 6


async def say(connection, frames):
    connection._dealer.send(frames)


@pytest.mark.parametrize(
    "verb",
    [
        lambda key: m.Destroy(key),
        lambda key: m.FollowLog(key, 4_000_001),
        lambda key: m.Execute(key, "p" * 26, ["true"], 4_000_003, 4_000_005),
        lambda key: m.OpenTunnel(key, "t" * 26, 80),
        lambda key: m.WaitTcp(key, 80),
    ],
)
def test_what_another_session_owns_is_as_if_it_did_not_exist(location, verb):
    theirs = location.node().spawn_container("busybox", command=["sleep", "1000"])
    theirs.wait_until_ready()
    with Location() as other:
        said = []
        for key in (theirs.uuid, "x" * 26):
            with pytest.raises(NotFound) as problem:
                block(other._connection.call(verb(key)))
            said.append(problem.value.message.replace(key, "..."))
    assert said[0] == said[1]
    assert theirs.run_process("true")[2] == 0
