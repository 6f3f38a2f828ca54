"""The location's socket: encrypted, open to known keys alone, and not to be crowded out by those who say nothing.

libzmq accepts whoever connects and asks (ZAP) whether a key may come in once its owner has proved to have it. Until then a
connection costs a descriptor. So their number is bounded: the oldest that has said nothing goes first, and none may say
nothing for long. libzmq has no such bound; its monitor tells the descriptors, and shutting one down is enough.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket as sockets
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import zmq
import zmq.asyncio
from zmq.auth.asyncio import AsyncioAuthenticator
from zmq.utils import z85
from zmq.utils.monitor import parse_monitor_message

from ..errors import Refused, UsageError
from ..keyring import KeyPair
from ..link.plug import Plug
from ..wire.codec import LARGEST_FRAME

log = logging.getLogger(__name__)

#: So many connections may be there that belong to no session (yet).
MOST_SILENT = 1024
#: And none of them for longer (seconds).
PATIENCE = 10.0
_HANDSHAKE = 5_000  # milliseconds for the handshake alone
_BACKLOG = 4096
_DOMAIN = "tfnz"
#: Where ``struct tcp_info`` of Linux has ``tcpi_bytes_acked``, and how much of it is read.
_BYTES_ACKED, _TCP_INFO = 120, 128
_WATCHED = zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED


class _Keys:
    """Answers libzmq's question whether a public key may come in."""

    def __init__(self, admits: Callable[[bytes], bool]) -> None:
        self._admits = admits

    def callback(self, domain: str, key: bytes) -> bool:
        return self._admits(z85.decode(key))


class Gate:
    """One ROUTER socket. Frames know the key that libzmq verified: :func:`key_of`.

    Args:
        endpoints: where to listen, in libzmq's words.
        keys: the location's own.
        admits: whether the owner of a public key (32 bytes) may come in.

    Raises:
        Refused: an address is taken, or not allowed.
        UsageError: there is no such address here.
    """

    def __init__(
        self, endpoints: Iterable[str], keys: KeyPair, admits: Callable[[bytes], bool]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._context = zmq.asyncio.Context()
        self._authenticator = AsyncioAuthenticator(self._context)
        self._authenticator.start()
        self._authenticator.configure_curve_callback(_DOMAIN, _Keys(admits))
        self._socket = self._make(keys)
        self._plug = Plug(self._socket)
        self._monitor = self._watch()
        self._loop.add_reader(self._monitor.fd, self._take_news)
        self._silent: dict[int, float] = {}  # descriptor -> since when, oldest first
        self._settled: set[int] = set()
        self._take_news()  # there is none; but libzmq signals only to who has found nothing before
        self.endpoints: list[str] = []
        try:
            self.endpoints += [self._bind(endpoint) for endpoint in endpoints]
        except BaseException:
            self.close()
            raise
        self._doors = {_door(endpoint) for endpoint in self.endpoints}

    async def recv(self) -> tuple[bytes, Sequence[zmq.Frame]]:
        """The next packet: the route it came by, and its frames."""
        route, *frames = await self._plug.recv()
        return route.bytes, frames

    def send(self, route: bytes, frames: list[bytes]) -> None:
        """Send by a route; nothing happens where it leads nowhere any more."""
        self._plug.send([route, *frames])

    def settled(self, descriptor: int) -> None:
        """A connection belongs to a session."""
        if descriptor not in self._settled:
            self._take_news()  # that of its coming is there already, and must not be taken for news of another
            self._silent.pop(descriptor, None)
            self._settled.add(descriptor)

    def suspect(self, descriptor: int) -> None:
        """A connection belongs to none (-1: nothing is known of one): it had better begin a session soon."""
        if descriptor >= 0:
            self._settled.discard(descriptor)
            self._silent.setdefault(descriptor, self._loop.time())

    def taken(self, descriptor: int) -> int | None:
        """How many bytes the other end of a TCP connection has taken, its kernel at least; None where nobody knows."""
        try:
            with sockets.socket(fileno=os.dup(descriptor)) as connection:
                info = connection.getsockopt(sockets.IPPROTO_TCP, sockets.TCP_INFO, _TCP_INFO)
        except OSError:  # it is gone, or no TCP connection
            return None
        return (
            int(struct.unpack_from("Q", info, _BYTES_ACKED)[0]) if len(info) == _TCP_INFO else None
        )

    def tick(self) -> None:
        """Drop who has said nothing for too long. To be called every second or so."""
        late = self._loop.time() - PATIENCE
        while self._silent and next(iter(self._silent.values())) < late:
            self._drop_oldest()

    def close(self) -> None:
        """Let go of everything; what was sent has half a second to leave."""
        self._loop.remove_reader(self._monitor.fd)
        self._socket.disable_monitor()
        self._monitor.close(0)
        self._authenticator.stop()
        self._plug.close(linger=500)
        self._context.term()

    def _make(self, keys: KeyPair) -> Any:
        made = zmq.Context(shadow=self._context).socket(zmq.ROUTER)
        made.curve_server = True
        made.curve_secretkey = z85.encode(keys.secret)
        made.curve_publickey = z85.encode(keys.public)
        made.zap_domain = _DOMAIN.encode()
        made.maxmsgsize = LARGEST_FRAME
        made.sndhwm = 0  # what is on the way is bounded by each stream's credit
        made.handshake_ivl = _HANDSHAKE
        made.backlog = _BACKLOG
        return made

    def _bind(self, endpoint: str) -> str:
        """Listen; where exactly."""
        self._socket.ipv6 = "[" in endpoint
        try:
            self._socket.bind(endpoint)
        except zmq.ZMQError as problem:
            shown = endpoint.removeprefix("tcp://")
            if problem.errno == zmq.EADDRINUSE:
                raise Refused(f"{shown} is taken", hint="Choose another port.") from problem
            raise UsageError(f"cannot listen on {shown}: {problem.strerror}") from problem
        return str(self._socket.last_endpoint.decode().rstrip("\0"))

    def _watch(self) -> Any:
        """libzmq's news of the socket. Without a high-water mark: a flood of news must not stop libzmq's own thread."""
        where = f"inproc://gate-{id(self)}"
        self._socket.monitor(where, _WATCHED)
        news = zmq.Context(shadow=self._context).socket(zmq.PAIR)
        news.rcvhwm = 0
        news.connect(where)
        return news

    def _take_news(self) -> None:
        with contextlib.suppress(zmq.Again):
            while True:
                event = parse_monitor_message(self._monitor.recv_multipart(zmq.DONTWAIT))
                self._note(event["event"], event["value"])

    def _note(self, event: int, descriptor: int) -> None:
        """A connection came or went; its descriptor may have been another's."""
        self._silent.pop(descriptor, None)
        self._settled.discard(descriptor)
        if event == zmq.EVENT_ACCEPTED:
            self._silent[descriptor] = self._loop.time()
            if len(self._silent) > MOST_SILENT:
                self._drop_oldest()

    def _drop_oldest(self) -> None:
        descriptor = next(iter(self._silent))
        del self._silent[descriptor]
        with contextlib.suppress(OSError):  # it has gone by itself
            self._shut(descriptor)

    def _shut(self, descriptor: int) -> None:
        """End a connection, if the descriptor is still one of ours: numbers are used again."""
        with sockets.socket(fileno=os.dup(descriptor)) as connection:
            name = connection.getsockname()
            if (name[1] if isinstance(name, tuple) else name) in self._doors:
                connection.shutdown(sockets.SHUT_RDWR)


def key_of(frame: zmq.Frame) -> bytes:
    """The public key that libzmq has verified the sender to have."""
    return z85.decode(str(frame.get("User-Id")).encode())


def _door(endpoint: str) -> int | str:
    """What connections that came in there have as their local name: a port, or a path."""
    scheme, _, rest = endpoint.partition("://")
    return int(rest.rpartition(":")[2]) if scheme == "tcp" else rest


def descriptor_of(frame: zmq.Frame) -> int:
    """The descriptor of the connection that a frame came by."""
    return int(frame.get(zmq.SRCFD))
