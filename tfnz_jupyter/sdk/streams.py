"""Streams at the program's end: what containers print, and what they are fed."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from ..link.outflow import Outflow, Tell
from ..link.space import Space
from ..wire.codec import Bulk
from ..wire.messages import Credit, End, FeedAgain, FollowAgain
from ..wire.streams import CHUNK, WINDOW, Receiving, Sending
from .callbacks import Callbacks
from .lines import LineRing

OUT, ERR = 1, 2
#: Who gets bytes, and the context it is called in.
Taker = tuple[Callable[[bytes], object], contextvars.Context]


class Source(NamedTuple):
    """What a stream belongs to, so that it can go on at a location that was killed and started anew."""

    container: str
    process: str = ""  # empty for the container's own
    lossless: bool = True


class Incoming:
    """One stream from the location. ``take(mark, data, used)`` gets each chunk and calls ``used()`` when done with it.

    It gives how many lines end in the chunk, for a stream that has a source and may have to go on from there.
    """

    def __init__(
        self,
        stream: int,
        tell: Tell,
        take: Callable[[int, Bulk, Callable[[], None]], int],
        skipped: Callable[[int, int], None],
        ended: Callable[[], None],
        source: Source | None = None,
    ) -> None:
        self.stream = stream
        self._source = source
        self._lines = 0  # newlines that have arrived or were skipped
        self._tell = tell
        self._take = take
        self._skipped = skipped
        self._ended = ended
        self._receiving = Receiving()

    def arrive(self, offset: int, mark: int, data: Bulk) -> None:
        """One chunk."""
        self._receiving.arrive(offset, len(data))
        self._lines += self._take(mark, data, lambda: self._use(len(data)))

    def skip(self, size: int, lines: int) -> None:
        """Bytes that will never come."""
        self._receiving.skip(size)
        self._lines += lines
        self._use(0)
        self._skipped(lines, size)

    def end(self, whole: bool = True) -> None:
        """There is no more."""
        self._ended()

    def again(self) -> FollowAgain | None:
        """What to ask of a location that does not know this stream; None where it cannot go on."""
        if self._source is None:
            return None
        container, process, lossless = self._source
        place = self._receiving
        return FollowAgain(
            container, process, self.stream, place.offset, self._lines, place.granted, lossless
        )

    def _use(self, size: int) -> None:
        if (offset := self._receiving.use(size)) is not None:
            self._tell(Credit(self.stream, offset), b"")


class Inflow:
    """One stream from the location, read as it comes: a slow reader slows the sender."""

    def __init__(self, stream: int, tell: Tell) -> None:
        self.incoming = Incoming(stream, tell, self._take, lambda lines, size: None, self.end)
        self._waiting: deque[tuple[Bulk, Callable[[], None]] | None] = deque()
        self._arrived = asyncio.Event()

    async def read(self) -> bytes | None:
        """The next chunk, None at the end."""
        await self._come()
        found = self._waiting.popleft()
        if found is None:
            return None
        found[1]()
        return bytes(found[0])

    async def read_all(self) -> list[Bulk]:
        """All chunks that have come, as soon as there are any; none at the end."""
        await self._come()
        chunks: list[Bulk] = []
        while self._waiting and (found := self._waiting[0]) is not None:
            self._waiting.popleft()
            found[1]()
            chunks.append(found[0])
        return chunks

    async def _come(self) -> None:
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()

    def _take(self, mark: int, data: Bulk, used: Callable[[], None]) -> int:
        self._waiting.append((data, used))
        self._arrived.set()
        return 0

    def end(self) -> None:
        """There is no more. Idempotent."""
        self._waiting.append(None)
        self._arrived.set()


class Feed(Outflow):
    """The stream to somebody's standard input.

    What was sent is kept until it is known to be read: a location that is killed may not have passed it on.
    """

    def __init__(self, stream: int, tell: Tell, space: Space, source: Source) -> None:
        super().__init__(stream, tell, space)
        self.source: Source | None = source
        self._unread: deque[bytes] = deque()
        self._read = 0  # offset of what is unread
        self._finished = False
        self._held = False  # until the location says where to go on

    def finish(self, *, whole: bool = True) -> None:
        """End of input. Idempotent."""
        if not self.closed:
            self._finished = True
            if self._held:
                self.close()
            else:
                super().finish(whole=whole)

    def again(self) -> FeedAgain | None:
        """What to ask of a location that does not know this stream; None where it cannot go on."""
        if self.source is None or (self.closed and not self._finished):
            return None
        sent = self._sending.offset
        self._held, self._sending = True, Sending(sent, sent)
        return FeedAgain(self.source.container, self.source.process, self.stream, sent)

    def go_on(self, fed: int) -> None:
        """So much has been fed: send the rest again, and what comes after it."""
        rest = b"".join(self._unread)[max(0, fed - self._read) :]
        self._held, self._read = False, fed
        self._unread.clear()
        self._sending = Sending(fed, fed + WINDOW)
        for start in range(0, len(rest), CHUNK):
            self._send(rest[start : start + CHUNK])
        if self._finished:
            self._tell(End(self.stream), b"")
        self._woken.set()

    def grant(self, offset: int) -> None:
        """The reader can take bytes up to this offset."""
        while self._unread and self._read + len(self._unread[0]) <= offset - WINDOW:
            self._read += len(self._unread.popleft())
        super().grant(offset)

    def _send(self, data: bytes) -> None:
        self._unread.append(data)
        super()._send(data)


class Output:
    """What a container or process prints: a ring of numbered lines, and the user's callbacks if there are any."""

    def __init__(self, callbacks: Callbacks, loop: asyncio.AbstractEventLoop) -> None:
        self.log = LineRing()
        self.done: asyncio.Future[None] = loop.create_future()
        self._callbacks = callbacks
        self._loop = loop
        self._kept: dict[int, list[bytes]] | None = None
        self.choose: Callable[[int], Taker | None] = lambda mark: None
        self._context = contextvars.copy_context()

    def give(
        self, owner: object, out: Callable[..., object] | None, err: Callable[..., object] | None
    ) -> None:
        """Give every chunk to ``callback(owner, data)``, and hold the writer back if that is slow."""
        callbacks = {
            mark: (functools.partial(callback, owner), self._context)
            for mark, callback in ((OUT, out), (ERR, err))
            if callback is not None
        }
        self.choose = callbacks.get

    def gather(self, kept: dict[int, list[bytes]] | None) -> None:
        """Keep everything, by output, beside the bounded log; None for nothing."""
        self._kept = kept

    def take(self, mark: int, bulk: Bulk, used: Callable[[], None]) -> int:
        """One chunk from the stream; how many lines end in it."""
        data = bytes(bulk)
        lines = self.log.feed(mark, data, time.time())
        if self._kept is not None:
            self._kept[mark].append(data)
        taker = self.choose(mark)
        if taker is None:
            used()
            return lines
        callback, context = taker

        def deliver() -> None:
            try:
                callback(data)
            finally:
                self._loop.call_soon_threadsafe(used)

        self._callbacks.post(context, deliver)
        return lines

    def end(self) -> None:
        """There is no more."""
        self.log.close()
        if not self.done.done():
            self.done.set_result(None)
