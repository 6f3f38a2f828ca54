"""Why a location does not let us in: what libzmq reports about a connecting socket, read as one error each.

CURVE itself is silent about a wrong key, so its symptoms are read. An account that is not known is answered with a
status. A location whose key is another cannot read our first message and hangs up on it, each time we try. Where nobody
listens, no connection is ever made; where something else listens, no handshake begins.
"""

from __future__ import annotations

import asyncio
from typing import Any

import zmq
from zmq.utils.monitor import parse_monitor_message

from ..errors import Refused, TfnzError, Unreachable
from .address import Address

_WATCHED = (
    zmq.EVENT_CONNECT_DELAYED
    | zmq.EVENT_CONNECTED
    | zmq.EVENT_CLOSED
    | zmq.EVENT_CONNECT_RETRIED
    | zmq.EVENT_DISCONNECTED
    | zmq.EVENT_HANDSHAKE_SUCCEEDED
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)
_HUNG_UP = (zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL, zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL)
#: What happens so often, for so long, is no accident of a location that is just starting (times, seconds).
_OFTEN, _LASTING = 3, 0.7


class Door:
    """Watches one socket connect."""

    def __init__(self, socket: Any, address: Address) -> None:
        self._address = address
        self._socket = socket
        self._monitor = socket.get_monitor_socket(_WATCHED)
        self._loop = asyncio.get_running_loop()
        self._seen: dict[int, int] = {}
        self._since: dict[int, float] = {}

    async def shut(self) -> TfnzError:
        """Return once it is certain that nobody will let us in: the reason."""
        while True:
            event = parse_monitor_message(await self._monitor.recv_multipart())["event"]
            self._seen[event] = self._seen.get(event, 0) + 1
            self._since.setdefault(event, self._loop.time())
            if (why := self._certain(event)) is not None:
                return why

    def silent(self) -> TfnzError:
        """What to say when nothing came in time."""
        if self._seen.get(zmq.EVENT_HANDSHAKE_SUCCEEDED):
            return self._unreachable("no answer from the location at")
        if any(self._seen.get(event) for event in _HUNG_UP):
            return self._another_key()
        if self._seen.get(zmq.EVENT_CONNECTED):
            return self._stranger()
        return self._nobody()

    def close(self) -> None:
        """Stop watching."""
        self._socket.disable_monitor()

    def _certain(self, event: int) -> TfnzError | None:
        if event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
            return self._unknown()
        lasts = self._loop.time() - self._since[event] >= _LASTING
        if self._seen[event] < _OFTEN or not lasts:
            return None
        if event in _HUNG_UP:
            return self._another_key()
        never = not self._seen.get(zmq.EVENT_CONNECTED)
        if event == zmq.EVENT_CONNECT_RETRIED and never:
            return self._nobody()
        return None

    def _unknown(self) -> TfnzError:
        return Refused(
            f"the location at {self._address.shown} does not know this account",
            hint="It may have been revoked. Ask for an invitation, then: tfnz join TOKEN",
        )

    def _another_key(self) -> TfnzError:
        return self._unreachable(
            "another key than the location's answers at",
            "It is another location, or somebody in its place. Ask its operator.",
        )

    def _stranger(self) -> TfnzError:
        return self._unreachable(
            "no answer from what listens, a location that is stuck or none, at"
        )

    def _nobody(self) -> TfnzError:
        if self._seen.get(zmq.EVENT_CLOSED) or self._seen.get(zmq.EVENT_CONNECT_DELAYED):
            return self._unreachable("nobody listens at")
        return self._unreachable("there is no such address as", "Is the host's name right?")

    def _unreachable(self, words: str, hint: str = "") -> TfnzError:
        return Unreachable(
            f"{words} {self._address.shown}", hint=hint or self._address.where_to_look
        )
