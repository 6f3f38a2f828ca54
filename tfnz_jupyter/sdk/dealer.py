"""One connection to a location, encrypted, to the one key it must have. A lost one is never mended: another takes its place.

libzmq would reconnect by itself, and the location would take what comes then for a stranger's; so that is put off for
longer than anything lives (forbidden, libzmq throws away what had come and was not read), and libzmq's own news of its
socket say when, and why, a connection is over.

CURVE itself is silent about a wrong key, so its symptoms are read. An account that is not known is answered with a status.
A location whose key is another cannot read our first message and hangs up on it. Where nobody listens, no connection is
ever made; where something else listens, no handshake begins.
"""

from __future__ import annotations

import asyncio
import functools
import os
import socket
import threading

import zmq
from zmq.utils import z85
from zmq.utils.monitor import parse_monitor_message

from ..errors import Refused, TfnzError, Unreachable
from ..link.plug import Plug, contents
from ..wire.codec import LARGEST_FRAME, Bulk
from .address import Address

#: A name that is not known by then is not known (seconds).
_NAMES = 4.0
#: The last words of a connection that is closed may take this long to leave (milliseconds).
_LINGER = 500
#: 24 days (milliseconds); no connection that is lost stays open for a second.
_NEVER = 2**31 - 1

_OVER = (
    zmq.EVENT_CLOSED
    | zmq.EVENT_DISCONNECTED
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
)
_STEPS = zmq.EVENT_CONNECT_DELAYED | zmq.EVENT_CONNECTED | zmq.EVENT_HANDSHAKE_SUCCEEDED


class Dealer:
    """Made by :meth:`open`; :attr:`lost` is done, with the reason, once it carries nothing any more."""

    def __init__(self, address: Address, endpoint: str) -> None:
        self.lost: asyncio.Future[TfnzError] = asyncio.get_running_loop().create_future()
        self._address = address
        self._seen: set[int] = set()
        self._socket = _socket(address)
        self._monitor = Plug(self._socket.get_monitor_socket(_OVER | _STEPS))
        self._socket.connect(endpoint)
        self._plug = Plug(self._socket)
        self.lost.add_done_callback(lambda _: self._plug.wake())
        self._watching = asyncio.ensure_future(self._watch())

    @classmethod
    async def open(cls, address: Address) -> Dealer:
        """Begin to connect; names are looked up anew each time.

        Raises:
            Unreachable: there is no machine of that name.
        """
        return cls(address, await _numeric(address.endpoint))

    @property
    def closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._plug.closed

    async def recv(self) -> list[Bulk] | None:
        """The next packet's frames; None once the connection is lost and all that came on it was given."""
        while True:
            is_last = self.lost.done()
            if (frames := await self._plug.take()) is not None:
                return contents(frames)
            if is_last:
                return None
            await self._plug.news()

    async def answer(self, within: float) -> list[Bulk]:
        """The first packet's frames.

        Raises:
            TfnzError: why there will be none.
        """
        try:
            frames = await asyncio.wait_for(self.recv(), within)
        except TimeoutError:
            raise self._silent() from None
        if frames is None:
            raise self.lost.result()
        return frames

    def give_up(self, why: TfnzError) -> None:
        """Take the connection for lost, though nothing says so."""
        if not self.lost.done():
            self.lost.set_result(why)

    def send(self, frames: list[bytes]) -> None:
        """Give frames to the connection; whether they arrive is the session's to find out."""
        if not self.closed:
            self._plug.send(frames)

    def close(self, *, linger: int = _LINGER) -> None:
        """Let go. Idempotent."""
        if not self.closed:
            self._watching.cancel()
            self._socket.disable_monitor()
            self._monitor.close(linger=0)
            self._plug.close(linger)

    async def _watch(self) -> None:
        while not self.lost.done():
            news = await self._monitor.recv()
            event = parse_monitor_message([frame.bytes for frame in news])["event"]
            self._seen.add(event)
            if event & _OVER:
                self.give_up(self._reason(event))

    def _reason(self, event: int) -> TfnzError:
        if event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
            return Refused(
                f"the location at {self._address.shown} does not know this account",
                hint="It may have been revoked. Ask for an invitation, then: tfnz join TOKEN; "
                "or use this machine: tfnz locations --default embedded",
            )
        if event == zmq.EVENT_CLOSED:
            return self._unreachable("nobody listens at")
        if event == zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL:
            return self._unreachable(
                "another key than the location's answers at",
                "It is another location, or somebody in its place. Ask its operator.",
            )
        if zmq.EVENT_HANDSHAKE_SUCCEEDED in self._seen:
            return self._unreachable("the connection was cut to")
        return self._unreachable("what listens is no location at")

    def _silent(self) -> Unreachable:
        if zmq.EVENT_HANDSHAKE_SUCCEEDED in self._seen:
            return self._unreachable("no answer from the location at")
        if zmq.EVENT_CONNECTED in self._seen:
            return self._unreachable(
                "no answer from what listens, a location that is stuck or none, at"
            )
        return self._unreachable("nobody answers at")

    def _unreachable(self, words: str, hint: str = "") -> Unreachable:
        return Unreachable(
            f"{words} {self._address.shown}", hint=hint or self._address.where_to_look
        )


def _socket(address: Address) -> zmq.Socket[bytes]:
    made = _context(os.getpid()).socket(zmq.DEALER)
    made.curve_serverkey = z85.encode(address.server_key)
    made.curve_publickey = z85.encode(address.user.public)
    made.curve_secretkey = z85.encode(address.user.secret)
    made.maxmsgsize = LARGEST_FRAME
    made.sndhwm = 0  # what is on the way is bounded by the session
    made.reconnect_ivl = _NEVER
    made.ipv6 = True
    return made


async def _numeric(endpoint: str) -> str:
    """The endpoint with its host's address as it is now; libzmq would keep all of a process waiting for a name."""
    scheme, _, rest = endpoint.partition("://")
    host, _, port = rest.rpartition(":")
    if scheme != "tcp" or not host.strip("[]"):
        return endpoint
    found = await _look_up(host.strip("[]"), int(port))
    return f"tcp://[{found}]:{port}" if ":" in found else f"tcp://{found}:{port}"


async def _look_up(host: str, port: int) -> str:
    """An address of a host, on a daemon thread: a slow name server must not keep the interpreter from ending."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str] = loop.create_future()

    def work() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            done = functools.partial(answer.set_result, str(found[0][4][0]))
        except OSError as problem:
            unknown = Unreachable(f"there is no address for {host!r}: {problem.strerror}")
            done = functools.partial(answer.set_exception, unknown)
        loop.call_soon_threadsafe(lambda: None if answer.done() else done())

    threading.Thread(target=work, name="tfnz-names", daemon=True).start()
    try:
        return await asyncio.wait_for(answer, _NAMES)
    except TimeoutError:
        raise Unreachable(
            f"nobody says what the address of {host!r} is",
            hint="Does this machine's name server answer?",
        ) from None


@functools.cache
def _context(pid: int) -> zmq.Context[zmq.Socket[bytes]]:
    """One for all sessions of a process; a forked child makes its own."""
    return zmq.Context()
