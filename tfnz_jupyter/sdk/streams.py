"""Streams at the program's end: what containers print, and what they are fed."""

from __future__ import annotations

import asyncio
import contextvars
import functools
from collections import deque
from collections.abc import Callable

from ..link.outflow import Tell
from ..wire.messages import Credit
from ..wire.streams import Receiving
from .callbacks import Callbacks
from .lines import LineRing

OUT, ERR = 1, 2
#: Who gets bytes, and the context it is called in.
Taker = tuple[Callable[[bytes], object], contextvars.Context]


class Incoming:
    """One stream from the location. ``take(mark, data, used)`` gets each chunk and calls ``used()`` when done with it."""

    def __init__(
        self,
        stream: int,
        tell: Tell,
        take: Callable[[int, bytes, Callable[[], None]], None],
        skipped: Callable[[int, int], None],
        ended: Callable[[], None],
    ) -> None:
        self.stream = stream
        self._tell = tell
        self._take = take
        self._skipped = skipped
        self._ended = ended
        self._receiving = Receiving()

    def arrive(self, offset: int, mark: int, data: bytes) -> None:
        """One chunk."""
        self._receiving.arrive(offset, len(data))
        self._take(mark, data, lambda: self._use(len(data)))

    def skip(self, size: int, lines: int) -> None:
        """Bytes that will never come."""
        self._receiving.skip(size)
        self._use(0)
        self._skipped(lines, size)

    def end(self, whole: bool = True) -> None:
        """There is no more."""
        self._ended()

    def _use(self, size: int) -> None:
        if (offset := self._receiving.use(size)) is not None:
            self._tell(Credit(self.stream, offset), b"")


class Inflow:
    """One stream from the location, read as it comes: a slow reader slows the sender."""

    def __init__(self, stream: int, tell: Tell) -> None:
        self.incoming = Incoming(stream, tell, self._take, lambda lines, size: None, self.end)
        self._waiting: deque[tuple[bytes, Callable[[], None]] | None] = deque()
        self._arrived = asyncio.Event()

    async def read(self) -> bytes | None:
        """The next chunk, None at the end."""
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        found = self._waiting.popleft()
        if found is None:
            return None
        found[1]()
        return found[0]

    def _take(self, mark: int, data: bytes, used: Callable[[], None]) -> None:
        self._waiting.append((data, used))
        self._arrived.set()

    def end(self) -> None:
        """There is no more. Idempotent."""
        self._waiting.append(None)
        self._arrived.set()


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

    def take(self, mark: int, data: bytes, used: Callable[[], None]) -> None:
        """One chunk from the stream."""
        self.log.feed(mark, data)
        if self._kept is not None:
            self._kept[mark].append(data)
        taker = self.choose(mark)
        if taker is None:
            used()
            return
        callback, context = taker

        def deliver() -> None:
            try:
                callback(data)
            finally:
                self._loop.call_soon_threadsafe(used)

        self._callbacks.post(context, deliver)

    def end(self) -> None:
        """There is no more."""
        self.log.close()
        if not self.done.done():
            self.done.set_result(None)
