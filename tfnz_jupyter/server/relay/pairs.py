"""Two joined sockets: what one gives the other gets, at the pace of the slower.

An end of one direction is passed on and leaves the other open. From the first byte on, both sockets are set to reset
when they are closed; only when both directions have ended are they closed in peace. So a connection that is cut, for
whatever reason, is seen to be cut.

A socket may be read before the other one is there: Python 3.11.2, which is Debian 12's, reads it although reading was
paused. What comes that early is kept until then.
"""

from __future__ import annotations

import asyncio
import socket
import struct

_BUFFER = 1024 * 1024
_CLOSE_WAIT = 8  # of tcp(7)'s states: the other end's FIN has come
_RESET, _LINGER = struct.pack("ii", 1, 0), struct.pack("ii", 0, 0)


class Side(asyncio.Protocol):
    """One socket of a pair."""

    transport: asyncio.Transport
    other: Side

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.ended = False  # it will send no more
        self._early: list[bytes] | None = []  # what came before the other one was there

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.set_write_buffer_limits(high=_BUFFER)
        transport.pause_reading()  # until the other one is there

    def data_received(self, data: bytes) -> None:
        if self._early is not None:
            self._early.append(data)
        else:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        self.ended = True
        if self._early is None:
            self.pass_on_the_end()
        return True

    def begin(self) -> None:
        """The other one is there: pass on what came early, and read."""
        early, self._early = self._early or [], None
        if not self.ended:
            self.transport.resume_reading()
        if early:
            self.other.transport.writelines(early)

    def pass_on_the_end(self) -> None:
        if self.other.ended:
            self.pair.part_in_peace()
        else:
            self.other.transport.write_eof()

    def pause_writing(self) -> None:
        self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if not self.other.ended:
            self.other.transport.resume_reading()

    def sent_all(self) -> bool:
        """Whether the other end's last byte has come, though we may not have read it yet."""
        sock = self.transport.get_extra_info("socket")
        if self.ended or sock.family == socket.AF_UNIX:  # which delivers at once
            return True
        return bool(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _CLOSE_WAIT)

    def connection_lost(self, problem: Exception | None) -> None:
        self.pair.lost()


class Pair:
    """Joins two sockets, which are its own from then on."""

    def __init__(self, near: socket.socket, far: socket.socket) -> None:
        self._sockets = (near, far)
        self._sides: list[Side] = []
        self._left = 2
        self._peace = self._cut = self._finishing = False
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Join them, and return when both are closed."""
        try:
            await self._join()
        except OSError:  # one was dead on arrival
            self.reset()
            for sock in self._sockets:
                sock.close()
            return
        await self._over

    async def _join(self) -> None:
        loop = asyncio.get_running_loop()
        for sock in self._sockets:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            _transport, side = await loop.connect_accepted_socket(lambda: Side(self), sock)
            self._sides.append(side)
        near, far = self._sides
        near.other, far.other = far, near
        if self._cut:
            return self.reset()
        for side in self._sides:
            side.begin()
        for side in self._sides:
            if side.ended:
                side.pass_on_the_end()
        if self._finishing:
            self.finish()
        return None

    def part_in_peace(self) -> None:
        """Both directions are over: what is still on its way arrives."""
        self._peace = True
        for side in self._sides:
            sock = side.transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
            side.transport.close()

    def finish(self) -> None:
        """Where the far end has sent its last byte, let all arrive; where it has not, it never will."""
        self._finishing = True
        if len(self._sides) < 2:
            return None  # soon
        near, far = self._sides
        if not far.sent_all():
            return self.reset()
        near.ended = True
        near.transport.pause_reading()
        if far.ended:
            self.part_in_peace()
        return None

    def lost(self) -> None:
        """One of them is closed: so is the other, but for what it still has to send in peace."""
        self._left -= 1
        if not self._left and not self._over.done():
            self._over.set_result(None)
        elif not self._peace:
            self.reset()

    def reset(self) -> None:
        """Cut both."""
        self._cut = True
        for side in self._sides:
            side.transport.abort()
