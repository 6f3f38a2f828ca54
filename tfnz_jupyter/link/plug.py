"""One socket of libzmq on an asyncio loop, with whole messages in and out.

pyzmq's own asyncio sockets make a future for each message and ask for the socket's events around each: half of what a
message costs. Here one is taken after the other until there is none, and sending never waits: high-water marks are off.

libzmq's descriptor tells that something has happened only until somebody uses the socket, be it for sending. So who waits
looks again after each of these.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

import zmq

from ..wire.codec import Bulk

#: So many messages are taken at once before others on the loop have their turn: a flood must not keep them waiting.
_AT_ONCE = 8
_MORE, _NOW = int(zmq.SNDMORE), int(zmq.DONTWAIT)


class Plug:
    """Takes over a socket."""

    def __init__(self, socket: zmq.Socket[bytes]) -> None:
        self._socket = socket
        self._loop = asyncio.get_running_loop()
        self._descriptor = int(socket.FD)
        self._waiting: asyncio.Future[None] | None = None
        self._taken = 0  # since others had their turn
        self._loop.add_reader(self._descriptor, self._signalled)

    @property
    def closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._socket.closed

    async def recv(self) -> list[zmq.Frame]:
        """The next message. For one caller at a time."""
        while (frames := await self.take()) is None:
            await self.news()
        return frames

    async def take(self) -> list[zmq.Frame] | None:
        """The next message, if one has come."""
        if self._taken == _AT_ONCE:
            self._taken = 0
            await asyncio.sleep(0)
        try:
            frame = self._socket.recv(_NOW, copy=False)
        except zmq.Again:
            self._taken = 0
            return None
        self._taken += 1
        frames = [frame]
        while frame.more:  # the others are here as well
            frame = self._socket.recv(_NOW, copy=False)
            frames.append(frame)
        return frames

    async def news(self) -> None:
        """Wait until a message may have come, or for :meth:`wake`."""
        self._waiting = self._loop.create_future()
        try:
            await self._waiting
        finally:
            self._waiting = None

    def wake(self) -> None:
        """Let who waits look again."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def send(self, frames: Sequence[bytes]) -> None:
        """Send a message; nothing happens where it leads nowhere."""
        with contextlib.suppress(zmq.Again):
            for frame in frames[:-1]:
                self._socket.send(frame, _MORE | _NOW)
            self._socket.send(frames[-1], _NOW)
        self.wake()

    def close(self, linger: int) -> None:
        """Let the socket go; what was sent has so long to leave (milliseconds)."""
        self._loop.remove_reader(self._descriptor)
        self._socket.close(linger=linger)

    def _signalled(self) -> None:
        if self._waiting is None:
            self._socket.get(zmq.EVENTS)  # nobody would use it; who comes next looks first
        else:
            self.wake()


def contents(frames: Sequence[zmq.Frame]) -> list[Bulk]:
    """What frames hold: the first is copied, bulk behind it is shown where libzmq has it."""
    return [frames[0].bytes, *(frame.buffer for frame in frames[1:])]
