"""Packets survive encoding both ways, and whatever is not a packet is refused in one way."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfnz_jupyter.errors import ProtocolError
from tfnz_jupyter.wire import codec
from tfnz_jupyter.wire import messages as m

SPAWN = m.Spawn("c" * 26, "web", "nginx", 1, 2, env=[("A", "=b")], files=[("/x", b"\0\xff")])

FROM_CLIENT = [
    m.Hello(1),
    m.Hello(1, "s", b"secret", 7),
    m.Beat(3),
    m.Farewell(),
    m.Data(1, 0, m.Call(1, SPAWN)),
    m.Data(2, 0, m.Call(2, m.WaitHttp("c", 80, "/", "localhost"))),
    m.Data(3, 1, m.Cancel(2)),
    m.Data(4, 1, m.Credit(1, 2**40)),
    m.Data(5, 1, m.End(1)),
]
FROM_SERVER = [
    m.Welcome("s", b"k", "embedded"),
    m.Data(1, 1, m.Result(1, m.Listening("127.0.0.1", 8080))),
    m.Data(2, 1, m.Failed(1, "not-found", "no")),
    m.Data(3, 1, m.Skipped(1, 10, 2)),
    m.Data(4, 1, m.ContainerChanged("c", "ended", code=None, reason="unknown: why")),
    m.Data(6, 1, m.EngineLacks(["it has no disk"])),
    m.Data(5, 1, m.NodesChanged([m.NodeState("a", "b", 1, 2, 3, 4, 5, 6, 7)])),
]


@pytest.mark.parametrize("packet", FROM_CLIENT)
def test_what_a_client_says_arrives_as_it_was(packet):
    assert codec.decode(codec.encode(packet), from_client=True) == (packet, b"")


@pytest.mark.parametrize("packet", FROM_SERVER)
def test_what_a_location_says_arrives_as_it_was(packet):
    assert codec.decode(codec.encode(packet), from_client=False) == (packet, b"")


def test_a_chunk_carries_its_bytes_in_a_frame_of_their_own():
    packet = m.Data(1, 0, m.Chunk(4, 100, 2))
    frames = codec.encode(packet, b"bytes")
    assert frames[1] == b"bytes"
    assert codec.decode(frames, from_client=True) == (packet, b"bytes")


@pytest.mark.parametrize(
    "frames",
    [
        [],
        [b""],
        [b"\xc1"],
        [b"GET / HTTP/1.1\r\n"],
        [msgspec.msgpack.encode({"t": "no-such-thing"})],
        [msgspec.msgpack.encode({"t": "hello", "version": "one"})],
        [codec.encode(m.Hello(1))[0], b"bulk"],
        codec.encode(m.Data(1, 0, m.Chunk(1, 0)), b"x")[:1],
        [codec.encode(m.Data(1, 0, m.Chunk(1, 0)), b"")[0], b"x" * (codec.LARGEST_CHUNK + 1)],
        [b"x" * (codec.LARGEST_PACKET + 1)],
        [b"a", b"b", b"c"],
    ],
)
def test_garbage_is_refused(frames):
    with pytest.raises(ProtocolError):
        codec.decode(frames, from_client=True)


def test_a_client_may_not_say_what_only_a_location_says():
    with pytest.raises(ProtocolError, match="Result"):
        codec.decode(codec.encode(m.Data(1, 0, m.Result(1, m.Done()))), from_client=True)


def test_a_location_may_not_call():
    with pytest.raises(ProtocolError, match="Call"):
        codec.decode(codec.encode(m.Data(1, 0, m.Call(1, m.ListImages()))), from_client=False)


def test_a_message_too_large_for_the_other_end_is_refused_here():
    spawn = m.Spawn("c", "n", "i", 1, 2, files=[("/x", b"x" * codec.LARGEST_PACKET)])
    with pytest.raises(ProtocolError, match="larger"):
        codec.encode(m.Data(1, 0, m.Call(1, spawn)))


@given(st.lists(st.binary(max_size=200), max_size=3))
def test_random_frames_are_a_packet_or_a_protocol_error(frames):
    try:
        codec.decode(frames, from_client=True)
    except ProtocolError:
        return
