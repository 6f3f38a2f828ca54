"""Which session a packet belongs to, who may begin one, and whose process has died.

The identity of a frame is the key libzmq verified and the pid the unix socket reports, never what a message claims.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import os
import re
import secrets
from collections.abc import Callable, Sequence

import zmq

from ..errors import ProtocolError, Refused, SessionEnded, TfnzError
from ..link.plug import contents
from ..wire.codec import Bulk, decode, encode
from ..wire.messages import WIRE_VERSION, Data, Farewell, Hello, Packet, Welcome
from ..wire.session import Session
from .accounts import Accounts, Standing
from .gate import Gate, descriptor_of, key_of
from .peer import Peer, Perform
from .store import SessionRow

log = logging.getLogger(__name__)

_TICK = 1.0
#: How libzmq shows the other end of a unix socket: HOST:UID:GID:PID. No IPv6 address looks like that.
_UNIX_PEER = re.compile(r"[^:]*:\d+:\d+:(\d+)")
#: Who has not acknowledged this much does not mean to (bytes); streams stop long before.
_MOST_HELD = 64 * 1024 * 1024


class Router:
    """Moves packets between the gate and the peers behind it.

    Args:
        accounts: whose keys may open sessions.
        perform: does a verb for a peer.
        joined, left: told when a session begins and ends; the first may refuse it.
        returned: told when one comes back that was restored.
        outdated: told that a program of another version came; whether the location makes way for it.
        greeting: what a new session is told first: engine name and degraded features.
    """

    def __init__(
        self,
        gate: Gate,
        accounts: Accounts,
        perform: Perform,
        joined: Callable[[Peer], None],
        returned: Callable[[Peer], None],
        left: Callable[[Peer], None],
        outdated: Callable[[], bool],
        greeting: Callable[[], tuple[str, list[str]]],
    ) -> None:
        self.peers: dict[str, Peer] = {}
        self._gate = gate
        self._accounts = accounts
        self._perform = perform
        self._joined = joined
        self._returned = returned
        self._left = left
        self._outdated = outdated
        self._greeting = greeting
        self._routes: dict[bytes, Peer] = {}
        self._route_of: dict[str, bytes] = {}
        self._pidfds: dict[str, int] = {}
        self._loop = asyncio.get_running_loop()

    async def run(self) -> None:
        """Serve until cancelled."""
        ticking = asyncio.ensure_future(self._tick())
        try:
            while True:
                if self._receive(*await self._gate.recv()):
                    await asyncio.sleep(0)  # what it set off begins before the next is heard
        finally:
            ticking.cancel()

    def close(self) -> None:
        """Say goodbye to everybody and let the socket go."""
        for peer in list(self.peers.values()):
            self.end(peer, SessionEnded("the location has closed"))
        self._gate.close()

    def restore(self, row: SessionRow) -> None:
        """A session of the location before this one, which was killed: its program may come back."""
        peer = Peer(row.id, row.key, Session(client=False, now=self._loop.time()), self._flush)
        peer.secret, peer.pid = row.secret, row.pid
        self.peers[peer.id] = peer
        self._watch(peer)

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
        self._routes.pop(self._route_of.pop(peer.id, b""), None)
        self._gate.suspect(peer.descriptor)
        peer.close()
        self._left(peer)

    def _receive(self, route: bytes, frames: Sequence[zmq.Frame]) -> bool:
        """Act on a packet; whether that may have set something off."""
        peer, flows = self._routes.get(route), False
        try:
            if peer is None:
                self._greet(route, frames)
            else:
                flows = self._hear(peer, frames)
            self._mark(route, descriptor_of(frames[0]))
        except ProtocolError as problem:
            log.warning("%s: %s", peer.id if peer else "a stranger", problem)
            if peer is not None:
                self.end(peer, problem)
        except Exception:
            log.exception("%s", peer.id if peer else "a stranger")
            if peer is not None:
                self.end(peer, ProtocolError("the location failed at what this session said"))
        return not flows

    def _mark(self, route: bytes, descriptor: int) -> None:
        """Tell the gate whose connection that is."""
        peer = self._routes.get(route)
        if peer is None:
            self._gate.suspect(descriptor)
        else:
            peer.descriptor = descriptor
            self._gate.settled(descriptor)

    def _hear(self, peer: Peer, frames: Sequence[zmq.Frame]) -> bool:
        arrived = peer.wire.receive(contents(frames), self._loop.time())
        peer.space.look()
        if arrived is not None:
            self._act(peer, *arrived)
        peer.flush()
        return arrived is None or arrived[0].flows

    def _act(self, peer: Peer, packet: Packet, bulk: Bulk) -> None:
        if isinstance(packet, Farewell):
            log.info("session %s said goodbye", peer.id)
            self.end(peer, None)
        elif isinstance(packet, Hello):
            raise ProtocolError("a second greeting on one connection")
        else:
            peer.receive(packet, bulk, self._perform)

    def _greet(self, route: bytes, frames: Sequence[zmq.Frame]) -> None:
        packet, _ = decode(contents(frames), from_client=True)
        if isinstance(packet, Data):
            return self._refuse(route, SessionEnded("the location does not know this session"))
        if not isinstance(packet, Hello):
            return None
        if packet.version != WIRE_VERSION:
            return self._refuse(route, self._version_refusal(packet.version))
        key = key_of(frames[0])
        standing = self._accounts.standing(key)
        if standing is None:
            return self._refuse(route, Refused("this account was revoked"))
        if packet.session:
            return self._resume(route, key, packet)
        return self._begin(route, key, standing, packet.turn, _pid(frames[0]))

    def _begin(self, route: bytes, key: bytes, standing: Standing, turn: int, pid: int) -> None:
        wire = Session(client=False, now=self._loop.time())
        peer = Peer(secrets.token_hex(8), key, wire, self._flush, standing is Standing.GUEST)
        peer.turn, peer.pid = turn, pid
        self._attach(peer, route)
        self.peers[peer.id] = peer
        engine, degraded = self._greeting()
        wire.say(Welcome(peer.id, peer.secret, engine, 0, degraded, life=peer.life))
        try:
            self._joined(peer)
        except Refused as problem:
            del self.peers[peer.id], self._routes[route], self._route_of[peer.id]
            return self._refuse(route, problem)
        log.info("session %s of %.8s began, process %d", peer.id, peer.user, pid)
        self._flush(peer)
        return self._watch(peer)

    def _resume(self, route: bytes, key: bytes, hello: Hello) -> None:
        peer = self.peers.get(hello.session)
        known = peer is not None and peer.key == key
        if peer is None or not known or not hmac.compare_digest(peer.secret, hello.secret):
            return self._refuse(route, SessionEnded("the location does not know this session"))
        if hello.turn <= peer.turn:
            return log.info("session %s: an earlier connection of its greets late", peer.id)
        reborn = (
            hello.life != peer.life
        )  # this location has never said to it that it is another one
        if reborn:
            peer.wire = Session(client=False, now=self._loop.time())
        else:
            peer.wire.resume(hello.received, self._loop.time())
        peer.turn = hello.turn
        self._attach(peer, route)
        log.info("session %s is back", peer.id)
        engine, degraded = self._greeting()
        received = peer.wire.received
        welcome = Welcome(
            peer.id, peer.secret, engine, received, degraded, resumed=not reborn, life=peer.life
        )
        peer.wire.outgoing.appendleft(encode(welcome))
        self._flush(peer)
        peer.space.look()
        if reborn:
            self._returned(peer)
        return None

    def _attach(self, peer: Peer, route: bytes) -> None:
        self._gate.suspect(peer.descriptor)  # the connection before, if there was one
        self._routes.pop(self._route_of.get(peer.id, b""), None)
        self._routes[route] = peer
        self._route_of[peer.id] = route
        peer.given = 0

    def _refuse(self, route: bytes, why: TfnzError) -> None:
        self._send(route, encode(Farewell(why.code, why.message, why.hint)))

    def _version_refusal(self, version: int) -> TfnzError:
        if self._outdated():
            return SessionEnded("an idle location of another version is making way")
        return ProtocolError(
            f"this location speaks version {WIRE_VERSION}, the program version {version}",
            hint=f"End the location when its users are done: kill {os.getpid()}",
        )

    def _watch(self, peer: Peer) -> None:
        """End the session at once when the process at the other end of a unix socket dies."""
        if peer.pid <= 0:
            return None
        try:
            pidfd = os.pidfd_open(peer.pid)
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
            self._gate.tick()
            for peer in list(self.peers.values()):
                self._look_after(peer)

    def _look_after(self, peer: Peer) -> None:
        """End a session that is over, or that only asks; otherwise say what is to be said."""
        heard = peer.wire.tick(self._loop.time())
        if not heard and peer.id not in self._pidfds:
            self.end(peer, SessionEnded("nothing was heard of it for too long"))
        elif peer.wire.held > _MOST_HELD or self._untaken(peer) > _MOST_HELD:
            self.end(peer, ProtocolError("it asks and asks, and takes no answer in"))
        else:
            self._flush(peer)

    def _flush(self, peer: Peer) -> None:
        route = self._route_of.get(peer.id)
        while route is not None and peer.wire.outgoing:
            frames = peer.wire.outgoing.popleft()
            peer.given += sum(map(len, frames))
            self._send(route, frames)

    def _untaken(self, peer: Peer) -> int:
        """Bytes that wait for their peer, or more of them, whatever it says to have received."""
        taken = self._gate.taken(peer.descriptor)
        return peer.given - taken if taken is not None else 0

    def _send(self, route: bytes, frames: list[bytes]) -> None:
        self._gate.send(route, frames)


def _pid(frame: zmq.Frame) -> int:
    """The process at the other end of a unix socket, 0 where there is none to know."""
    found = _UNIX_PEER.fullmatch(str(frame.get("Peer-Address")))
    return int(found[1]) if found else 0
