"""One session at the location: its conversation, its calls, its streams, what it owns."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Coroutine
from typing import Any

from ..errors import ProtocolError, to_wire
from ..link.carried import WINDOW as CARRIED_WINDOW
from ..link.carried import Carried
from ..link.outflow import Outflow
from ..link.space import Space
from ..wire.codec import Bulk
from ..wire.messages import (
    Call,
    Cancel,
    Chunk,
    Credit,
    Data,
    End,
    Failed,
    Message,
    Packet,
    Result,
    Value,
    Verb,
)
from ..wire.session import Session
from ..wire.streams import Receiving, Sending
from .processes import Process
from .streams import InStream, OutStream
from .tunnels import Tunnel

log = logging.getLogger(__name__)

#: What no program has at a time; somebody who wears a location out might.
_MOST_CALLS, _MOST_STREAMS = 10_000, 40_000

#: ``perform(peer, verb, number, again)`` does a verb.
Perform = Callable[["Peer", Verb, int, bool], Coroutine[Any, Any, Value]]


class Peer:
    """The other end is one program; ``key`` is who libzmq says it is, ``user`` the same in hexadecimal digits.

    A ``guest`` has come with the key of an invitation.
    """

    def __init__(
        self,
        session: str,
        key: bytes,
        wire: Session,
        flush: Callable[[Peer], None],
        guest: bool = False,
    ) -> None:
        self.id = session
        self.key = key
        self.user = key.hex()
        self.guest = guest
        self.descriptor = -1  # of the connection it speaks on
        self.given = 0  # bytes that were sent on it
        self.secret = secrets.token_bytes(16)
        self.pid = 0  # of its program, where that is on this machine
        self.wire = wire
        self.life = secrets.token_hex(4)  # tells this wire from one of a location that was killed
        self.turn = 0  # of the connection it speaks on
        self.processes: dict[str, tuple[str, Process]] = {}  # id -> (container, process)
        self.tunnels: dict[str, Tunnel] = {}
        self._flush = flush
        self._loop = asyncio.get_running_loop()
        self._calls: dict[int, asyncio.Task[None]] = {}
        self.space = Space(lambda: self.wire.room, lambda: self.wire.piece)
        self._out: dict[int, Outflow] = {}
        self._in: dict[int, InStream | Carried] = {}
        self._kept: set[asyncio.Task[None]] = set()

    def tell(self, message: Message, bulk: bytes = b"") -> None:
        """Send one message."""
        self.wire.send(message, bulk, self._loop.time())
        self._flush(self)

    def flush(self) -> None:
        """Put on the wire what the session has to say of its own."""
        self.wire.acknowledge(self._loop.time())
        self._flush(self)

    def require_new(self, *streams: int) -> None:
        """Check that these can be opened.

        Raises:
            ProtocolError: one is open, or named twice, or there are more than any program has.
        """
        if len(self._out) + len(self._in) >= _MOST_STREAMS:
            raise ProtocolError(f"more than {_MOST_STREAMS:,} streams are open")
        for stream in streams:
            if stream in self._out or stream in self._in or streams.count(stream) > 1:
                raise ProtocolError(f"stream {stream} is open")

    def out_stream(self, stream: int, sending: Sending | None = None) -> OutStream:
        """Open a stream to the client under the id it chose, or go on with one at a place."""
        opened = OutStream(stream, self.tell, self._forget_out, self.space, sending)
        self._out[stream] = opened
        return opened

    def input(self, stream: int) -> InStream | None:
        """An open stream from the client to a process."""
        found = self._in.get(stream)
        return found if isinstance(found, InStream) else None

    def in_stream(self, stream: int, receiving: Receiving | None = None) -> InStream:
        """Open a stream from the client under the id it chose, or go on with one at a place."""
        opened = InStream(stream, self.tell, self._forget_in, receiving or Receiving())
        self._in[stream] = opened
        return opened

    def carry(self, output: int, input: int, over: Callable[[Carried], object]) -> Carried:
        """Open the streams of one connection under the ids the client chose."""
        outflow = Outflow(output, self.tell, self.space, Sending(limit=CARRIED_WINDOW))
        carried = Carried(input, outflow, self.tell, over)
        self._out[output], self._in[input] = outflow, carried
        return carried

    def put_down(self, carried: Carried) -> None:
        """A connection is over."""
        self._forget_out(carried.outflow.stream)
        self._forget_in(carried.stream)

    def keep(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something for as long as it takes or the session lasts."""
        task = asyncio.ensure_future(work)
        self._kept.add(task)
        task.add_done_callback(self._kept.discard)

    def drop_tunnels(self, container: str) -> None:
        """Close those that lead to a container, which is over."""
        for tunnel in [t for t in self.tunnels.values() if t.container == container]:
            del self.tunnels[tunnel.id]
            tunnel.finish()

    def receive(self, packet: Packet, bulk: Bulk, perform: Perform) -> None:
        """Act on one message.

        Raises:
            ProtocolError: it makes no sense here.
        """
        match packet.message if isinstance(packet, Data) else packet:
            case Call(number, verb, again):
                self._begin(number, perform, verb, again)
            case Cancel(number):
                if task := self._calls.get(number):
                    task.cancel()
            case Chunk(stream, offset, mark):
                if incoming := self._in.get(stream):
                    incoming.arrive(offset, mark, bulk)
            case Credit(stream, offset):
                if outgoing := self._out.get(stream):
                    outgoing.grant(offset)
            case End(stream, whole):
                self._end_of(stream, whole)
            case _:
                raise ProtocolError(f"{type(packet).__name__} means nothing here")

    def close(self) -> None:
        """Drop everything that is not a container; those are the ledger's to collect."""
        for task in [*self._calls.values(), *self._kept]:
            task.cancel()
        for _container, process in self.processes.values():
            process.kill()  # it may run in a container that goes on
        for tunnel in self.tunnels.values():
            tunnel.close()
        for outgoing in list(self._out.values()):
            outgoing.close()

    def _end_of(self, stream: int, whole: bool) -> None:
        """The client will write no more, or read no more."""
        if incoming := self._in.pop(stream, None):
            incoming.end(whole)
        if outgoing := self._out.pop(stream, None):
            outgoing.close()

    def _begin(self, number: int, perform: Perform, verb: Verb, again: bool) -> None:
        if number in self._calls:
            raise ProtocolError(f"call {number} is under way")
        if len(self._calls) >= _MOST_CALLS:
            raise ProtocolError(f"more than {_MOST_CALLS:,} calls are under way")
        task = asyncio.ensure_future(self._answer(number, perform, verb, again))
        self._calls[number] = task
        task.add_done_callback(lambda done: self._answered(number, done))

    def _answered(self, number: int, task: asyncio.Task[None]) -> None:
        del self._calls[number]
        if task.cancelled():  # even before it began
            self.tell(Failed(number, "error", "cancelled"))

    async def _answer(self, number: int, perform: Perform, verb: Verb, again: bool) -> None:
        try:
            value = await perform(self, verb, number, again)
        except Exception as problem:
            code, message, hint, detail = to_wire(problem)
            if code == "error":
                log.exception("%s of session %s", type(verb).__name__, self.id)
            self.tell(Failed(number, code, message, hint, detail))
        else:
            self.tell(Result(number, value))

    def _forget_out(self, stream: int) -> None:
        self._out.pop(stream, None)

    def _forget_in(self, stream: int) -> None:
        self._in.pop(stream, None)
