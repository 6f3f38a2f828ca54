"""The location's socket: CURVE, who may speak, which session a frame belongs to, and whose process has died.

The identity of a frame is the key libzmq verified and the pid the unix socket reports, never what a message claims.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import os
import secrets
from collections.abc import Callable, Sequence
from typing import Any

import zmq
import zmq.asyncio
from zmq.auth.asyncio import AsyncioAuthenticator
from zmq.utils import z85

from ..errors import ProtocolError, SessionEnded, TfnzError
from ..keyring import KeyPair
from ..wire.codec import LARGEST_PACKET, decode, encode
from ..wire.messages import WIRE_VERSION, Data, Farewell, Hello, Welcome
from ..wire.session import Session
from .peer import Peer, Perform

log = logging.getLogger(__name__)

_ZAP_DOMAIN = "tfnz"
_TICK = 1.0


class _Keys:
    """Answers libzmq's question whether a public key may come in."""

    def __init__(self, allowed: frozenset[bytes]) -> None:
        self._allowed = allowed

    def callback(self, domain: str, key: bytes) -> bool:
        return z85.decode(key) in self._allowed


class Router:
    """Moves packets between one ROUTER socket and the peers behind it.

    Args:
        endpoint: where to listen, in ZeroMQ's words.
        keys: the location's own.
        allowed: public keys (32 bytes) that may open sessions.
        perform: does a verb for a peer.
        joined, left: told when a session begins and ends.
        outdated: told that a program of another version came; whether the location makes way for it.
        greeting: what a new session is told first: engine name and degraded features.
    """

    def __init__(
        self,
        endpoint: str,
        keys: KeyPair,
        allowed: frozenset[bytes],
        perform: Perform,
        joined: Callable[[Peer], None],
        left: Callable[[Peer], None],
        outdated: Callable[[], bool],
        greeting: Callable[[], tuple[str, list[str]]],
    ) -> None:
        self.peers: dict[str, Peer] = {}
        self._perform = perform
        self._joined = joined
        self._left = left
        self._outdated = outdated
        self._greeting = greeting
        self._routes: dict[bytes, Peer] = {}
        self._route_of: dict[str, bytes] = {}
        self._pidfds: dict[str, int] = {}
        self._loop = asyncio.get_running_loop()
        self._context = zmq.asyncio.Context()
        self._authenticator = AsyncioAuthenticator(self._context)
        self._authenticator.start()
        self._authenticator.configure_curve_callback(_ZAP_DOMAIN, _Keys(allowed))
        self._socket = self._listen(endpoint, keys)

    async def run(self) -> None:
        """Serve until cancelled."""
        ticking = asyncio.ensure_future(self._tick())
        try:
            while True:
                route, *frames = await self._socket.recv_multipart(copy=False)
                self._receive(route.bytes, frames)
                await asyncio.sleep(0)  # a flood from one must not keep the others waiting
        finally:
            ticking.cancel()

    def close(self) -> None:
        """Say goodbye to everybody and let the socket go."""
        for peer in list(self.peers.values()):
            self.end(peer, SessionEnded("the location has closed"))
        self._authenticator.stop()
        self._socket.close(linger=500)
        self._context.term()

    def end(self, peer: Peer, why: TfnzError | None) -> None:
        """End a session; the other end is told why if it may still be there."""
        if self.peers.pop(peer.id, None) is None:
            return
        if why is not None:
            log.info("session %s is over: %s", peer.id, why.message)
            peer.wire.say(Farewell(why.code, why.message, why.hint))
            self._flush(peer)
        if (pidfd := self._pidfds.pop(peer.id, None)) is not None:
            self._loop.remove_reader(pidfd)
            os.close(pidfd)
        self._routes.pop(self._route_of.pop(peer.id), None)
        peer.close()
        self._left(peer)

    def _listen(self, endpoint: str, keys: KeyPair) -> Any:
        socket = self._context.socket(zmq.ROUTER)
        socket.curve_server = True
        socket.curve_secretkey = z85.encode(keys.secret)
        socket.curve_publickey = z85.encode(keys.public)
        socket.zap_domain = _ZAP_DOMAIN.encode()
        socket.maxmsgsize = LARGEST_PACKET
        socket.sndhwm = 0  # what is on the way is bounded by each stream's credit
        socket.bind(endpoint)
        return socket

    def _receive(self, route: bytes, frames: Sequence[zmq.Frame]) -> None:
        peer = self._routes.get(route)
        try:
            if peer is None:
                self._greet(route, frames)
            else:
                self._hear(peer, frames)
        except ProtocolError as problem:
            log.warning("%s: %s", peer.id if peer else "a stranger", problem)
            if peer is not None:
                self.end(peer, problem)
        except Exception:
            log.exception("%s", peer.id if peer else "a stranger")
            if peer is not None:
                self.end(peer, ProtocolError("the location failed at what this session said"))

    def _hear(self, peer: Peer, frames: Sequence[zmq.Frame]) -> None:
        arrived = peer.wire.receive([frame.bytes for frame in frames], self._loop.time())
        if arrived is None:
            peer.flush()
        elif isinstance(arrived[0], Farewell):
            log.info("session %s said goodbye", peer.id)
            self.end(peer, None)
        elif isinstance(arrived[0], Hello):
            raise ProtocolError("a second greeting on one connection")
        else:
            peer.receive(*arrived, self._perform)

    def _greet(self, route: bytes, frames: Sequence[zmq.Frame]) -> None:
        packet, _ = decode([frame.bytes for frame in frames], from_client=True)
        if isinstance(packet, Data):
            return self._refuse(route, SessionEnded("the location does not know this session"))
        if not isinstance(packet, Hello):
            return None
        if packet.version != WIRE_VERSION:
            return self._refuse(route, self._version_refusal(packet.version))
        key = str(frames[0].get("User-Id"))
        if packet.session:
            return self._resume(route, key, packet)
        return self._begin(route, key, packet.turn, _pid(frames[0]))

    def _begin(self, route: bytes, key: str, turn: int, pid: int) -> None:
        wire = Session(client=False, now=self._loop.time())
        peer = Peer(secrets.token_hex(8), key, wire, self._flush)
        peer.turn = turn
        self._attach(peer, route)
        self.peers[peer.id] = peer
        log.info("session %s began, process %d", peer.id, pid)
        engine, degraded = self._greeting()
        wire.say(Welcome(peer.id, peer.secret, engine, 0, degraded))
        self._flush(peer)
        self._joined(peer)
        self._watch(peer, pid)

    def _resume(self, route: bytes, key: str, hello: Hello) -> None:
        peer = self.peers.get(hello.session)
        known = peer is not None and peer.key == key
        if peer is None or not known or not hmac.compare_digest(peer.secret, hello.secret):
            return self._refuse(route, SessionEnded("the location does not know this session"))
        if hello.turn <= peer.turn:
            return log.info("session %s: an earlier connection of its greets late", peer.id)
        peer.wire.resume(hello.received, self._loop.time())
        peer.turn = hello.turn
        self._attach(peer, route)
        log.info("session %s is back", peer.id)
        engine, degraded = self._greeting()
        welcome = Welcome(peer.id, peer.secret, engine, peer.wire.received, degraded, resumed=True)
        peer.wire.outgoing.appendleft(encode(welcome))
        self._flush(peer)
        return None

    def _attach(self, peer: Peer, route: bytes) -> None:
        self._routes.pop(self._route_of.get(peer.id, b""), None)
        self._routes[route] = peer
        self._route_of[peer.id] = route

    def _refuse(self, route: bytes, why: TfnzError) -> None:
        self._send(route, encode(Farewell(why.code, why.message, why.hint)))

    def _version_refusal(self, version: int) -> TfnzError:
        if self._outdated():
            return SessionEnded("an idle location of another version is making way")
        return ProtocolError(
            f"this location speaks version {WIRE_VERSION}, the program version {version}",
            hint=f"End the location when its users are done: kill {os.getpid()}",
        )

    def _watch(self, peer: Peer, pid: int) -> None:
        """End the session at once when the process at the other end of a unix socket dies."""
        if pid <= 0:
            return
        try:
            pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            return self.end(peer, SessionEnded("its process is gone"))
        self._pidfds[peer.id] = pidfd
        self._loop.add_reader(pidfd, self._died, peer)
        return None

    def _died(self, peer: Peer) -> None:
        log.info("session %s: its process has died", peer.id)
        self.end(peer, SessionEnded("its process has died"))

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK)
            for peer in list(self.peers.values()):
                heard = peer.wire.tick(self._loop.time())
                if not heard and peer.id not in self._pidfds:
                    self.end(peer, SessionEnded("nothing was heard of it for too long"))
                else:
                    self._flush(peer)

    def _flush(self, peer: Peer) -> None:
        route = self._route_of.get(peer.id)
        while route is not None and peer.wire.outgoing:
            self._send(route, peer.wire.outgoing.popleft())

    def _send(self, route: bytes, frames: list[bytes]) -> None:
        self._socket.send_multipart([route, *frames])


def _pid(frame: zmq.Frame) -> int:
    """The process at the other end of a unix socket, 0 where there is none to know."""
    try:
        address = str(frame.get("Peer-Address"))
    except zmq.ZMQError:
        return 0
    parts = address.rsplit(":", 3)
    return int(parts[3]) if len(parts) == 4 and parts[3].isdigit() else 0
