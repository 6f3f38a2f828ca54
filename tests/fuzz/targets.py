"""What is fuzzed: each takes any bytes, and nothing but a ``ProtocolError`` may come of them."""

from __future__ import annotations

import contextlib

from tfnz_jupyter.errors import ProtocolError
from tfnz_jupyter.wire import messages as m
from tfnz_jupyter.wire.codec import decode, encode
from tfnz_jupyter.wire.session import Session


def codec(data: bytes) -> None:
    """One packet of one or two frames; what is understood is said again in the same words."""
    for frames in ([data], [data[: len(data) // 2], data[len(data) // 2 :]]):
        for from_client in (True, False):
            with contextlib.suppress(ProtocolError):
                packet, bulk = decode(frames, from_client=from_client)
                again = decode(encode(packet, bulk), from_client=from_client)
                assert repr(again) == repr((packet, bulk))  # repr: a NaN does not equal itself


def session(data: bytes) -> None:
    """A stream of packets, each behind its length, to either end of a session that has said something itself."""
    for client in (True, False):
        end = Session(client=client, now=0.0)
        with contextlib.suppress(ProtocolError):
            for at, piece in enumerate(_pieces(data)):
                end.receive([piece], now=float(at))
                end.acknowledge(float(at))
                end.tick(float(at))
        assert len(end.outgoing) <= 2 * len(data) + 2


def _pieces(data: bytes) -> list[bytes]:
    pieces, at = [], 0
    while at < len(data):
        size = data[at]
        pieces.append(data[at + 1 : at + 1 + size])
        at += 1 + size
    return pieces


def seeds() -> list[bytes]:
    """Packets to begin with, alone and as a stream: what is changed a little gets further than noise."""
    said = [
        m.Hello(m.WIRE_VERSION, "s" * 16, b"x" * 16, 3, turn=2),
        m.Beat(0),
        m.Data(1, 0, m.Call(1, m.Spawn("c" * 26, "web", "nginx", 1, 2, env=[("A", "b")]))),
        m.Data(2, 0, m.Credit(1, 2**40)),
        m.Data(3, 0, m.End(2)),
        m.Data(1, 0, m.Failed(1, "usage", "words", "hint", "detail")),
        m.Farewell("refused", "words"),
    ]
    frames = [encode(packet)[0] for packet in said]
    stream = b"".join(bytes([len(frame)]) + frame for frame in frames[1:5])
    return [*frames, b"".join(encode(m.Data(1, 0, m.Chunk(7, 0)), b"bulk")), stream]


TARGETS = {"codec": codec, "session": session}
