"""One session with one location: its calls and its streams. Lives on the SDK's loop; handles own nothing.

The session outlives its connections: where one is lost, or carries nothing any more, another is made at once, and then
again, until the location answers or the session is over for silence. It outlives a location that was killed, too: the next
one knows the session, but none of its streams, and not what it was asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import time
from collections.abc import Callable
from typing import Protocol

from ..errors import ProtocolError, SessionEnded, TfnzError, Unreachable, from_wire
from ..link.carried import Carried
from ..link.outflow import Outflow
from ..link.space import Space
from ..wire.codec import Bulk, encode
from ..wire.messages import (
    WIRE_VERSION,
    Call,
    Cancel,
    Chunk,
    Credit,
    Data,
    End,
    EngineLacks,
    Failed,
    Farewell,
    Fed,
    FeedAgain,
    Hello,
    Message,
    Progressed,
    Result,
    Skipped,
    Value,
    Verb,
    Welcome,
)
from ..wire.session import Session
from ..wire.streams import WINDOW, Sending
from .address import Address
from .calls import Calls, check
from .dealer import Dealer
from .here import succeed
from .streams import Feed, Incoming, Source

log = logging.getLogger(__name__)

#: Nobody answers a greeting that is not answered by then (seconds).
_GREETING = 4.0
_TICK = 1.0
#: Between two tries to come back: at first, and at most (seconds).
_PAUSE, _LONGEST_PAUSE = 0.05, 2.0
#: The connection of a process that is gone ends by itself, once all it said was read; if not by then, it is taken for lost.
_LAST_WORDS = 0.5


class Listener(Protocol):
    """Who is told what the location says unasked."""

    def heard(self, message: Message) -> None: ...

    def reborn(self) -> None: ...

    def session_ended(self, why: TfnzError) -> None: ...


class Connection:
    """An open session. Make one with :meth:`open`."""

    def __init__(self, address: Address, listener: Listener) -> None:
        self.ended: TfnzError | None = None
        self.left = False  # by our own goodbye
        self.session = ""
        self.engine = ""
        self.degraded: list[str] = []
        self.is_near = address.is_near
        self._address = address
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._wire = Session(client=True, now=_now())
        self._secret, self._life = b"", ""
        self._turn = 0
        self._dealer: Dealer | None = None  # None while there is no connection
        self._numbers = itertools.count(1)
        self._calls = Calls()
        self._space = Space(lambda: self._wire.room, lambda: self._wire.piece)
        self._incoming: dict[int, Incoming | Carried] = {}
        self._outgoing: dict[int, Outflow] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._pidfd: int | None = None
        self._feeding: set[asyncio.Task[None]] = set()
        self._killed = False  # the location's process; it may have a successor

    @classmethod
    async def open(cls, address: Address, listener: Listener) -> Connection:
        """Greet the location and begin a session.

        Raises:
            Unreachable: nobody answered, or not with the key it should have.
            Refused: it does not know this account, or the account has too many sessions.
            ProtocolError: it speaks another version.
        """
        self = cls(address, listener)
        await self._greet()
        self._tasks = [asyncio.ensure_future(self._live()), asyncio.ensure_future(self._tick())]
        self._watch(address.pid)
        if self.ended is not None:
            raise self.ended
        return self

    @property
    def user(self) -> bytes:
        """The public key of the account that this session is of."""
        return self._address.user.public

    @property
    def is_far(self) -> bool:
        """Whether the location is somebody else's, or on another machine: it does not see this one's files."""
        return not self._address.pid

    def number(self) -> int:
        """A number no call or stream of this session has had."""
        return next(self._numbers)

    def tell(self, message: Message, bulk: bytes = b"") -> None:
        """Send one message. Says nothing once the session has ended."""
        if self.ended is None:
            self._wire.send(message, bulk, _now())
            self._flush()

    async def call(self, verb: Verb, report: Callable[[Progressed], None] | None = None) -> Value:
        """Ask for something and wait for the answer; cancelling the wait cancels it there too.

        Raises:
            TfnzError: what the location answered, or ``SessionEnded``.
            UsageError: a field of the verb has a type it cannot have.
        """
        if self.ended is not None:
            raise self.ended
        check(verb)
        number = self.number()
        answer: asyncio.Future[Value] = self._loop.create_future()
        try:
            self._ask(number, verb, answer, report)
            return await answer
        except asyncio.CancelledError:
            self.tell(Cancel(number))
            raise
        finally:
            self._calls.forget(number)

    def post(self, verb: Verb) -> None:
        """Ask for something whose answer nobody waits for."""
        self._ask(self.number(), verb)

    def _ask(
        self,
        number: int,
        verb: Verb,
        answer: asyncio.Future[Value] | None = None,
        report: Callable[[Progressed], None] | None = None,
    ) -> None:
        is_sent = self._dealer is not None
        self._calls.ask(number, verb, sent=is_sent, answer=answer, report=report)
        self.tell(Call(number, verb))

    def read(self, incoming: Incoming | Carried) -> None:
        """Expect a stream."""
        self._incoming[incoming.stream] = incoming

    def drop(self, stream: int) -> None:
        """Stop reading a stream; the location is told."""
        if self._incoming.pop(stream, None) is not None:
            self.tell(End(stream))

    def write(self, window: int = WINDOW) -> Outflow:
        """Begin a stream, whose reader lets so much come unasked."""
        outgoing = Outflow(self.number(), self.tell, self._space, Sending(limit=window))
        self._outgoing[outgoing.stream] = outgoing
        return outgoing

    def feed(self, source: Source) -> Feed:
        """Begin a stream to a standard input; it goes on at a location that was killed and started anew."""
        feed = Feed(self.number(), self.tell, self._space, source)
        self._outgoing[feed.stream] = feed
        return feed

    def put_down(self, carried: Carried) -> None:
        """A connection that was carried is over."""
        self._incoming.pop(carried.stream, None)
        self._outgoing.pop(carried.outflow.stream, None)

    def forget(self, outgoing: Outflow) -> None:
        """A stream to something that has ended."""
        outgoing.close()
        self._outgoing.pop(outgoing.stream, None)

    def close(self) -> None:
        """Say goodbye. Idempotent; everything of this session ends."""
        if self.ended is None:
            self.left = True
            self._wire.say(Farewell())
            self._flush()
            self._end(SessionEnded("this session was disconnected", hint="Make a new Location()."))

    async def _greet(self) -> None:
        """One try: a new connection, and the location's welcome on it. Raises why there is none."""
        dealer = await Dealer.open(self._address)
        try:
            self._turn += 1
            dealer.send(encode(self._hello()))
            arrived = self._wire.receive(await dealer.answer(_GREETING), _now())
            self._welcome(arrived[0] if arrived else None)
        except BaseException:
            dealer.close(linger=0)
            raise
        self._dealer = dealer
        self._flush()
        self._calls.left()
        self._space.look()

    def _hello(self) -> Hello:
        received = self._wire.received
        return Hello(WIRE_VERSION, self.session, self._secret, received, self._turn, self._life)

    def _welcome(self, packet: object) -> None:
        if isinstance(packet, Farewell):
            raise from_wire(packet.code, packet.message, packet.hint, packet.detail)
        if not isinstance(packet, Welcome):
            raise ProtocolError(f"{self._address.shown} does not answer as a location does")
        reborn = bool(self.session) and not packet.resumed
        if reborn:
            self._wire = Session(client=True, now=_now())
        else:
            self._wire.resume(packet.received, _now())
        self.session, self._secret, self._life = packet.session, packet.secret, packet.life
        self.engine, self.degraded = packet.engine, packet.degraded
        if reborn:
            self._go_on()

    def _go_on(self) -> None:
        """Ask a location that was killed and started anew for all that the last one was doing."""
        log.info("session %s: the location was killed, and knows us again", self.session)
        open_calls = self._calls.open()
        for number, asked in open_calls:
            self.tell(Call(number, asked.verb, again=asked.sent))
        new = {stream for _, asked in open_calls if not asked.sent for stream in asked.streams}
        for incoming in [one for key, one in self._incoming.items() if key not in new]:
            if isinstance(incoming, Incoming) and (follow := incoming.again()) is not None:
                self.post(follow)
            else:
                self._end_of(incoming.stream, whole=False)
        for outgoing in [one for key, one in self._outgoing.items() if key not in new]:
            if isinstance(outgoing, Feed) and (feed := outgoing.again()) is not None:
                feeding = asyncio.ensure_future(self._feed_on(outgoing, feed))
                self._feeding.add(feeding)
                feeding.add_done_callback(self._feeding.discard)
            else:
                self._end_of(outgoing.stream, whole=False)
        self._listener.reborn()

    async def _feed_on(self, outgoing: Feed, feed: FeedAgain) -> None:
        with contextlib.suppress(TfnzError):  # what became of its reader is told to whoever writes
            fed = await self.call(feed)
            assert isinstance(fed, Fed)
            outgoing.go_on(fed.size)

    def _watch(self, pid: int) -> None:
        """Notice at once when the location's process on this machine is gone."""
        if not pid:
            return None
        try:
            self._pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            return self._lost()
        self._loop.add_reader(self._pidfd, self._lost)
        return None

    def _lost(self) -> None:
        """Its process is gone. Where it was killed, another takes its place."""
        if self._pidfd is not None:
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = None
        self._killed = True
        if self._dealer is not None:
            gone = Unreachable("the location's process is gone")
            self._loop.call_later(_LAST_WORDS, self._dealer.give_up, gone)

    async def _live(self) -> None:
        """Listen, and come back when the connection is lost, until the session is over."""
        try:
            while self._dealer is not None:
                log.info("session %s: %s", self.session, (await self._listen(self._dealer)).message)
                self._drop_connection(linger=0)
                await self._come_back()
        except TfnzError as why:
            log.error("session %s: %s", self.session, why)
            self._end(why)
        except Exception as problem:
            log.exception("session %s", self.session)
            self._end(ProtocolError(f"what the location said was not understood: {problem!r}"))

    async def _listen(self, dealer: Dealer) -> TfnzError:
        """Act on all that arrives until the connection is lost; why it is."""
        while (frames := await dealer.recv()) is not None:
            arrived = self._wire.receive(frames, _now())
            self._space.look()
            if arrived is not None:
                self._act(*arrived)
            self._wire.acknowledge(_now())
            self._flush()
            if arrived is not None and not arrived[0].flows:
                await asyncio.sleep(0)  # what it set off begins before the next is heard
        return dealer.lost.result()

    async def _come_back(self) -> None:
        """Connect anew, for as long as it takes. Raises what makes it hopeless."""
        pause = _PAUSE
        while self.ended is None:
            try:
                if self._killed:
                    self._address, self._killed = await succeed(self._address), False
                    self._watch(self._address.pid)
                return await self._greet()
            except Unreachable as problem:
                log.info("session %s: %s", self.session, problem.message)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK)
            now = _now()
            if not self._wire.tick(now) and self._pidfd is None:  # on this machine, only death is
                self._end(SessionEnded("the location has been silent for too long"))
            elif self._dealer is not None and self._wire.lost(now):
                self._dealer.give_up(Unreachable("nothing is heard of the location"))
            self._flush()

    def _act(self, packet: object, bulk: Bulk) -> None:
        if isinstance(packet, Farewell):
            return self._end(from_wire(packet.code, packet.message, packet.hint, packet.detail))
        if not isinstance(packet, Data):
            raise ProtocolError(f"{type(packet).__name__} in the middle of a session")
        match packet.message:
            case Result(number, value):
                self._calls.answered(number, value)
            case Failed(number, code, text, hint, detail):
                self._calls.answered(number, from_wire(code, text, hint, detail))
            case Progressed() as progress:
                self._calls.progressed(progress)
            case Chunk(stream, offset, mark):
                if incoming := self._incoming.get(stream):
                    incoming.arrive(offset, mark, bulk)
            case Skipped(stream, size, lines):
                if incoming := self._incoming.get(stream):
                    incoming.skip(size, lines)
            case Credit(stream, offset):
                if outgoing := self._outgoing.get(stream):
                    outgoing.grant(offset)
            case End(stream, whole):
                self._end_of(stream, whole)
            case EngineLacks(degraded):
                self.degraded = degraded
            case message:
                self._listener.heard(message)
        return None

    def _end_of(self, stream: int, whole: bool) -> None:
        if incoming := self._incoming.pop(stream, None):
            incoming.end(whole)
        if outgoing := self._outgoing.pop(stream, None):
            outgoing.close()

    def _end(self, why: TfnzError) -> None:
        if self.ended is not None:
            return
        self.ended = why
        if self._pidfd is not None:
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
        self._calls.fail(why)
        for stream in [*self._incoming, *self._outgoing]:
            self._end_of(stream, whole=False)
        for task in self._tasks:
            task.cancel()
        self._drop_connection()
        self._listener.session_ended(why)

    def _flush(self) -> None:
        while self._dealer is not None and self._wire.outgoing:
            self._dealer.send(self._wire.outgoing.popleft())

    def _drop_connection(self, linger: int = 500) -> None:
        dealer, self._dealer = self._dealer, None
        if dealer is not None:
            dealer.close(linger=linger)


def _now() -> float:
    """Seconds, those asleep counted: who wakes up finds the connection stale, and does not wait to be told."""
    return time.clock_gettime(_CLOCK)


_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
