"""Packets to frames and back: msgpack for what is said, a frame of its own for bulk bytes.

Everything that arrives is bounded and checked against its class before anybody looks at it.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import msgspec

from ..errors import ProtocolError, UsageError
from .messages import Chunk, Data, Packet

#: A packet without its bulk: pre-boot files are the largest thing in one.
LARGEST_PACKET = 16 * 1024 * 1024
#: The same as it travels: encryption puts an envelope around it.
LARGEST_FRAME = LARGEST_PACKET + 1024
#: The bulk of one chunk.
LARGEST_CHUNK = 1024 * 1024

#: Bytes of a stream: those that come are looked at where they lie, and copied by who keeps them.
Bulk = bytes | memoryview

_encoder = msgspec.msgpack.Encoder()


@functools.cache
def _decoder() -> msgspec.msgpack.Decoder[Packet]:
    """Made when something first arrives: it takes as long to make as a dozen modules to load."""
    return msgspec.msgpack.Decoder(Packet)


def encode(packet: Packet, bulk: bytes = b"") -> list[bytes]:
    """One or two frames: the packet, and the bulk where it carries a chunk.

    Raises:
        ProtocolError: larger than the other end would take.
        UsageError: it holds what no message can, such as a lone surrogate.
    """
    try:
        frame = _encoder.encode(packet)
    except (msgspec.MsgspecError, TypeError, ValueError, OverflowError) as problem:
        raise UsageError(f"this cannot be sent: {problem}") from problem
    if len(frame) > LARGEST_PACKET:
        raise ProtocolError(
            f"a message of {len(frame):,} bytes is larger than {LARGEST_PACKET:,}",
            hint="Send large content as files inside the image or through standard input.",
        )
    return [frame, bulk] if _carries_bulk(packet) else [frame]


def decode(frames: Sequence[Bulk], *, from_client: bool) -> tuple[Packet, Bulk]:
    """The packet and its bulk (empty where there is none).

    Raises:
        ProtocolError: too large, not msgpack, no such message, or not that end's to send.
    """
    if not 1 <= len(frames) <= 2:
        raise ProtocolError(f"a packet of {len(frames)} frames")
    if len(frames[0]) > LARGEST_PACKET or (len(frames) == 2 and len(frames[1]) > LARGEST_CHUNK):
        raise ProtocolError("an oversize packet")
    try:
        packet = _decoder().decode(frames[0])
    except (msgspec.MsgspecError, ValueError, RecursionError) as problem:
        raise ProtocolError(f"not a packet: {problem}") from problem
    if _carries_bulk(packet) != (len(frames) == 2):
        raise ProtocolError("bulk bytes where none belong, or none where they do")
    _check_sender(packet, from_client)
    return packet, frames[1] if len(frames) == 2 else b""


def _carries_bulk(packet: Packet) -> bool:
    return isinstance(packet, Data) and isinstance(packet.message, Chunk)


def _check_sender(packet: Packet, from_client: bool) -> None:
    said = [packet, packet.message] if isinstance(packet, Data) else [packet]
    for one in said:
        if not (one.from_client if from_client else one.from_server):
            raise ProtocolError(f"{type(one).__name__} is not this end's to send")
