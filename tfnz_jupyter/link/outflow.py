"""The sending end of one stream: never more on the way than its reader has granted, nor than its session has room for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..errors import Ended
from ..wire.messages import Chunk, End, Message
from ..wire.streams import Sending
from .space import Space

Tell = Callable[[Message, bytes], None]


class Outflow:
    """Made by whoever owns the session; ``closed_there`` is called when the other end reads no more."""

    def __init__(
        self, stream: int, tell: Tell, space: Space, sending: Sending | None = None
    ) -> None:
        self.stream = stream
        self.closed = False
        self.closed_there: Callable[[], object] = lambda: None
        self._tell = tell
        self._space = space
        self._sending = sending or Sending()
        self._woken = asyncio.Event()

    async def write(self, data: bytes) -> None:
        """Send all of it, as fast as it is read at the other end.

        Raises:
            Ended: nobody reads any more, or its end was sent before.
        """
        view = memoryview(data)
        while view:
            room = await self.room()
            whole = isinstance(data, bytes) and room >= len(view) == len(data)
            self._send(data if whole else bytes(view[:room]))
            view = view[room:]

    async def room(self) -> int:
        """How much may be sent now, once something may (bytes).

        Raises:
            Ended: nobody reads any more, or its end was sent before.
        """
        while not self.closed:
            if self._sending.room > 0 and self._space.free:
                return min(self._sending.room, self._space.piece)
            self._woken.clear()
            if self._sending.room > 0:
                self._space.wait(self._woken.set)
            await self._woken.wait()
        raise Ended("nobody reads this any more")

    def finish(self, *, whole: bool = True) -> None:
        """There is no more; not ``whole``: though there should have been. Idempotent."""
        if not self.closed:
            self.closed = True
            self._woken.set()
            self._tell(End(self.stream, whole), b"")

    def _send(self, data: bytes) -> None:
        self._tell(Chunk(self.stream, self._sending.advance(len(data))), data)

    def grant(self, offset: int) -> None:
        """The reader can take bytes up to this offset."""
        self._sending.grant(offset)
        self._woken.set()

    def close(self) -> None:
        """Nobody reads any more."""
        if not self.closed:
            self.closed = True
            self._woken.set()
            self.closed_there()
