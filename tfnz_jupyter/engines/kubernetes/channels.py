"""What goes over a WebSocket into a Pod: ``v4.channel.k8s.io`` and ``v5.channel.k8s.io``, without any socket. Pure.

Every message's first byte is its channel: 0 standard input, 1 standard output, 2 standard error, 3 the end (a ``Status``), 4
the terminal's size, and, of v5, 255 to close one. A port forward has two channels a port, data and error, each of which
begins with the port it is for. Whoever hears no ``Status`` does not know how a process ended.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import msgspec

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
FORWARDING = ("v4.channel.k8s.io",)
IN, OUT, ERR, STATUS, SIZE, CLOSE = 0, 1, 2, 3, 4, 255
DATA, ERROR = 0, 1  # of a port forward


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an exec ended. ``code`` is None where it never ran, or nobody knows; ``reason`` has the cluster's words."""

    code: int | None
    reason: str = ""


def pack(channel: int, data: bytes) -> bytes:
    """A message for a channel."""
    return b"%c%b" % (channel, data)


def unpack(message: bytes) -> tuple[int, memoryview]:
    """The channel of a message, and what it carries."""
    if not message:
        return OUT, memoryview(b"")  # a server may send these to keep a connection open
    return message[0], memoryview(message)[1:]


def outcome(status: bytes | memoryview | None) -> Outcome:
    """What a ``Status`` says; None where none came."""
    if status is None:
        return Outcome(None, "the connection ended before anybody said how it ended")
    try:
        found = msgspec.json.decode(status)
        if found.get("status") == "Success":
            return Outcome(0)
        causes = (found.get("details") or {}).get("causes") or []
        code = next(
            (int(one["message"]) for one in causes if one.get("reason") == "ExitCode"), None
        )
        return Outcome(code, str(found.get("message", "")))
    except (msgspec.DecodeError, AttributeError, KeyError, TypeError, ValueError):
        return Outcome(None, bytes(status[:300]).decode("utf-8", "replace"))


@dataclass(slots=True)
class Forward:
    """One forwarded connection, as its messages tell it."""

    _told: set[int] = field(default_factory=set)

    def receive(self, message: bytes) -> tuple[memoryview, str]:
        """What a message brings: bytes of the connection, and the error that ended it; either may be empty.

        Raises:
            ValueError: a channel that belongs to no connection, or that began without its port.
        """
        channel, data = unpack(message)
        if channel not in (DATA, ERROR):
            raise ValueError(f"channel {channel} of a forwarded port")
        if channel not in self._told:
            if len(data) < 2:
                raise ValueError("a forwarded port that is not named")
            struct.unpack_from("<H", data)
            self._told.add(channel)
            data = data[2:]
        if channel == ERROR:
            return memoryview(b""), bytes(data).decode("utf-8", "replace")
        return data, ""
