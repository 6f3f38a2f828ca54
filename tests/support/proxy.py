"""A network one can break: a TCP proxy on loopback that cuts, silences, stalls, delays and corrupts what it carries.

It runs on a thread of its own. Its deeds may be called from any thread and are done when they return.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_RESET = struct.pack("ii", 1, 0)
_PIECE = 64 * 1024
_STALL = 0.3  # seconds
_SMALL_PIECE = 16 * 1024


class Proxy:
    """Carries connections on :attr:`port` to ``target``, a port of :attr:`host`. Use with ``with proxy(target)``."""

    def __init__(self, target: int, seed: int = 1) -> None:
        self.target = target
        self.host = "127.0.0.1"
        self.port = 0
        self.carried = 0  # bytes, both ways
        self.connections = 0
        self.delay = 0.0  # seconds that each piece is held up, about
        self.rate = (
            0  # bytes a second that each direction of a connection carries; 0 for as many as it can
        )
        self.corrupting = 0.0  # the chance of each piece to have a bit turned over
        self.stalling = 0.0  # the chance of each piece to hold up everything for a while
        self.cuts = self.stalls = 0
        self._cutting = 0  # bytes between two cuts, about
        self._next_cut = 0
        self._random = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None
        self._pairs: dict[_Pair, asyncio.Task[None]] = {}
        self._open = asyncio.Event()  # nothing moves while it is not set

    def listen(self, host: str = "127.0.0.1") -> None:
        """Accept connections, always on the same port; also anew after :meth:`refuse`, on another address."""
        self._do(lambda: None if self._server else self._listen(host))

    def refuse(self) -> None:
        """Accept no more, and cut what is there."""
        self._do(self._refuse)

    def cut(self) -> None:
        """Reset every connection at both ends."""
        self._do(lambda: [pair.reset() for pair in list(self._pairs)])

    def cut_every(self, size: int) -> None:
        """Cut everything whenever about so many bytes have passed, always at the same ones; 0 ends it."""
        self._cutting = size
        self._plan()

    def _plan(self) -> None:
        self._next_cut = self.carried + int(self._cutting * (0.5 + self._random.random()))

    def silence(self, *, up: bool = True, down: bool = True) -> None:
        """Let nothing through any more on the connections there are, and tell nobody; new ones work."""
        self._do(lambda: [pair.silence(up, down) for pair in list(self._pairs)])

    def abandon(self) -> None:
        """Leave the client's ends open and reset the location's: half-open connections."""
        self._do(lambda: [pair.abandon() for pair in list(self._pairs)])

    def stall(self) -> None:
        """Hold everything up, new connections too, until :meth:`go_on`."""
        self._do(self._open.clear)

    def go_on(self) -> None:
        """End a stall."""
        self._do(self._open.set)

    def _do(self, deed: Callable[[], object]) -> None:
        async def work() -> None:
            if asyncio.iscoroutine(result := deed()):
                await result

        asyncio.run_coroutine_threadsafe(work(), self._loop).result(30)

    async def _listen(self, host: str) -> None:
        self._server = await asyncio.start_server(self._serve, host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for pair in list(self._pairs):
            pair.reset()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        pair = _Pair(self, writer)
        task = asyncio.current_task()
        assert task is not None
        self._pairs[pair] = task
        try:
            await self._open.wait()
            far_reader, pair.far = await asyncio.open_connection(self.host, self.target)
            await asyncio.gather(
                pair.carry(reader, pair.far, "up"), pair.carry(far_reader, writer, "down")
            )
        except OSError:
            pair.reset()
        except asyncio.CancelledError:
            return  # asyncio would report a stream's callback that was cancelled
        finally:
            self._pairs.pop(pair, None)

    async def passed(self, data: bytes) -> bytes:
        """What becomes of a piece on its way."""
        await self._open.wait()
        if self.rate:
            await self._after(len(data) / self.rate)
        if self.delay:
            await self._after(self._random.random() * 2 * self.delay)
        self.carried += len(data)
        if self.stalling and self._random.random() < self.stalling:
            self.stalls += 1
            self._open.clear()
            self._loop.call_later(_STALL, self._open.set)
        if self._cutting and self.carried >= self._next_cut:
            self.cuts += 1
            self._plan()
            for pair in list(self._pairs):
                pair.reset()
        if self.corrupting and self._random.random() < self.corrupting:
            at = self._random.randrange(len(data))
            return data[:at] + bytes([data[at] ^ 1 << self._random.randrange(8)]) + data[at + 1 :]
        return data

    async def _after(self, seconds: float) -> None:
        """The way is long: this is no waiting for anything to happen."""
        over = self._loop.create_future()
        self._loop.call_later(seconds, over.set_result, None)
        await over

    def start(self) -> None:
        """Begin on a free port."""
        self._thread.start()
        self._do(self._open.set)
        self.listen()

    def close(self) -> None:
        """Cut everything and end."""
        self.refuse()
        self._do(self._end)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        tasks = list(self._pairs.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Pair:
    """One connection and its other half."""

    def __init__(self, proxy: Proxy, near: asyncio.StreamWriter) -> None:
        self.far: asyncio.StreamWriter | None = None
        self._proxy = proxy
        self._near = near
        self._silent: set[str] = set()

    async def carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: str
    ) -> None:
        while data := await reader.read(_PIECE if not self._proxy.rate else _SMALL_PIECE):
            data = await self._proxy.passed(data)
            if way not in self._silent:
                writer.write(data)
                await writer.drain()
        if not self._silent:
            self.reset()

    def silence(self, up: bool, down: bool) -> None:
        self._silent |= {way for way, on in (("up", up), ("down", down)) if on}

    def abandon(self) -> None:
        self._silent |= {"up", "down"}
        if self.far is not None:
            _reset(self.far)

    def reset(self) -> None:
        for writer in (self._near, self.far):
            if writer is not None:
                _reset(writer)


def _reset(writer: asyncio.StreamWriter) -> None:
    there: socket.socket | None = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        if there is not None:
            there.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


@contextmanager
def proxy(target: int, seed: int = 1) -> Iterator[Proxy]:
    """A proxy to a port, of this machine until its host is set to another; ended with the block."""
    made = Proxy(target, seed)
    made.start()
    try:
        yield made
    finally:
        made.close()
