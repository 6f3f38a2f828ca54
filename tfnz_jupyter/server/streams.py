"""Streams of one session at the location: out with credit, in with a bounded queue."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from ..engines.base import Running
from ..errors import Ended
from ..link.outflow import Outflow, Tell
from ..link.space import Space
from ..wire.codec import Bulk
from ..wire.messages import Chunk, Credit, End, Skipped
from ..wire.streams import Receiving, Sending
from .log import Reader

Forget = Callable[[int], object]


class OutStream(Outflow):
    """Bytes to the client."""

    def __init__(
        self, stream: int, tell: Tell, forget: Forget, space: Space, sending: Sending | None = None
    ) -> None:
        super().__init__(stream, tell, space, sending)
        self._forget = forget
        self._copying: asyncio.Task[None] | None = None

    def close(self) -> None:
        """The client reads no more."""
        super().close()
        if self._copying is not None:
            self._copying.cancel()

    def finish(self, *, whole: bool = True) -> None:
        """There is no more. Idempotent."""
        super().finish(whole=whole)
        self._forget(self.stream)

    def start(self, reader: Reader) -> None:
        """Begin to send a log from a reader's place to its end."""
        self._copying = asyncio.ensure_future(self._copy(reader))
        self._copying.add_done_callback(lambda _: self._stopped(reader))

    async def _copy(self, reader: Reader) -> None:
        while (piece := await reader.read(await self.room())) is not None:
            if piece.skipped:
                self._sending.advance(piece.skipped)
                self._tell(Skipped(self.stream, piece.skipped, piece.skipped_lines), b"")
            if piece.data:
                offset = self._sending.advance(len(piece.data))
                self._tell(Chunk(self.stream, offset, piece.mark), piece.data)
        self.finish()

    def _stopped(self, reader: Reader) -> None:
        reader.close()
        self._forget(self.stream)


class InStream:
    """Bytes from the client into a process's standard input; back-pressure through credit."""

    def __init__(self, stream: int, tell: Tell, forget: Forget, receiving: Receiving) -> None:
        self.stream = stream
        self._tell = tell
        self._forget = forget
        self._receiving = receiving
        self._waiting: deque[Bulk | None] = deque()
        self._arrived = asyncio.Event()
        self._unused = 0  # bytes of the chunk that was read last

    def arrive(self, offset: int, mark: int, data: Bulk) -> None:
        """Take a chunk in.

        Raises:
            ProtocolError: it does not continue the stream, or is more than was granted.
        """
        self._receiving.arrive(offset, len(data))
        self._put(data)

    def end(self, whole: bool = True) -> None:
        """The client has no more."""
        self._put(None)

    async def feed(self, process: Running) -> None:
        """Write what arrives into a process, until either ends."""
        while True:
            data = await self.read()
            try:
                await (process.write_eof() if data is None else process.write(data))
            except Ended:
                return self.close()
            if data is None:
                return

    async def read(self) -> bytes | None:
        """The next chunk, None at the end. The client is let go on when the one after it is asked for."""
        self._use(self._unused)
        self._unused = 0
        await self._come()
        data = self._waiting.popleft()
        self._unused = len(data or b"")
        return None if data is None else bytes(data)

    async def read_all(self) -> list[Bulk]:
        """All chunks that have come, as soon as there are any; none at the end. The client is let go on at once."""
        await self._come()
        found: list[Bulk] = []
        while self._waiting and (data := self._waiting[0]) is not None:
            found.append(data)
            self._waiting.popleft()
        self._use(sum(map(len, found)))
        return found

    async def _come(self) -> None:
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()

    def _use(self, size: int) -> None:
        if size and (offset := self._receiving.use(size)) is not None:
            self._tell(Credit(self.stream, offset), b"")

    def close(self) -> None:
        """Nobody reads any more; the client is told."""
        self._forget(self.stream)
        self._tell(End(self.stream), b"")

    def _put(self, data: Bulk | None) -> None:
        self._waiting.append(data)
        self._arrived.set()
