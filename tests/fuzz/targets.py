"""What is fuzzed: each takes any bytes, and nothing but a ``ProtocolError`` may come of them."""

from __future__ import annotations

import contextlib

from tfnz_jupyter.errors import ProtocolError
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
                end.tick(float(at))
        assert len(end.outgoing) <= 2 * len(data) + 2


def _pieces(data: bytes) -> list[bytes]:
    pieces, at = [], 0
    while at < len(data):
        size = data[at]
        pieces.append(data[at + 1 : at + 1 + size])
        at += 1 + size
    return pieces


TARGETS = {"codec": codec, "session": session}
