"""One connection of which half is a socket here, and the other half a socket at the session's other end.

What the socket says goes out on one stream, what comes on another is said to it, each at the pace of the slower. An end
of one direction is passed on and leaves the other open. A connection that is cut at one end is cut at the other: from its
beginning the socket is set to reset when it is closed, and only when both directions have ended is it closed in peace.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable

from ..errors import Ended
from ..wire.codec import Bulk
from ..wire.messages import Credit, End
from ..wire.streams import Receiving
from .outflow import Outflow, Tell

#: How far a sender may be ahead of the socket at the other end (bytes).
WINDOW = 1024 * 1024
_BUFFER = 256 * 1024
#: What the socket may say before it is sent (bytes): asyncio reads half of it at once.
_SAID = 512 * 1024
_CLOSE_WAIT = 8  # of the states in tcp(7): the other end's FIN has come
_RESET, _LINGER = struct.pack("ii", 1, 0), struct.pack("ii", 0, 0)


class Carried(asyncio.Protocol):
    """Joins a socket to two streams: ``outflow`` takes what it says, ``stream`` is the number of what is said to it.

    ``over`` is called once the socket is closed and neither stream is used any more.
    """

    def __init__(
        self, stream: int, outflow: Outflow, tell: Tell, over: Callable[[Carried], object]
    ) -> None:
        self.stream = stream
        self.outflow = outflow
        self._tell = tell
        self._over = over
        self._transport: asyncio.Transport | None = None
        self._receiving = Receiving(window=WINDOW)
        self._early: list[Bulk] = []  # came before the socket was there
        self._owed = 0  # bytes that the socket has not taken yet
        self._choked = False
        self._said: list[bytes] = []  # by the socket, and not sent yet
        self._said_all = self._heard_all = self._deaf = self._peace = self._done = False
        self._woken = asyncio.Event()
        self._sending: asyncio.Future[None] | None = None
        outflow.closed_there = self._unheard

    @property
    def joined(self) -> bool:
        """Whether it has its socket."""
        return self._transport is not None

    async def run(self, sock: socket.socket) -> None:
        """Join a connected socket, which is its own from then on. Returns at once.

        Raises:
            OSError: it is dead already.
        """
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        await asyncio.get_running_loop().connect_accepted_socket(lambda: self, sock)

    def cut(self) -> None:
        """It is over, and not in peace: the sockets at both ends are reset. Idempotent."""
        if self._done:
            return
        self._done = True
        if not self._heard_all:
            self._tell(End(self.stream), b"")
        self.outflow.finish(whole=False)
        if self._sending is not None:
            self._sending.cancel()
        if self._transport is not None:
            self._transport.abort()
        self._over(self)

    def finish(self) -> None:
        """Who is behind the socket is gone: where its last byte has come, let all arrive; else it never will."""
        if self._transport is None or not (self._said_all or _has_ended(self._transport)):
            return self.cut()
        self._deaf = True
        return self._end_if_over()

    # from the session

    def arrive(self, offset: int, mark: int, data: Bulk) -> None:
        """One chunk.

        Raises:
            ProtocolError: it does not continue the stream, or is more than was granted.
        """
        self._receiving.arrive(offset, len(data))
        self._owed += len(data)
        if self._transport is None:
            return self._early.append(data)
        if not self._deaf:
            self._transport.write(data)
        return self._let_go_on()

    def skip(self, size: int, lines: int) -> None:
        """Of a connection no byte can be left out."""
        self.cut()

    def end(self, whole: bool = True) -> None:
        """The other socket says no more; not ``whole``: it was cut."""
        self._heard_all = True
        if not whole:
            self.cut()
        elif self._transport is not None:
            self._pass_on_the_end(self._transport)

    def _unheard(self) -> None:
        """The other socket takes no more: it is closed. If it had said all, that was in peace."""
        if not self._heard_all:
            return self.cut()
        if self._sending is not None:
            self._sending.cancel()
        return self._part() if self._transport is not None else self.cut()

    # from the socket

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=_BUFFER)
        if self._done:
            return transport.abort()
        transport.write(b"".join(self._early))
        self._early.clear()
        self._let_go_on()
        self._sending = asyncio.ensure_future(self._send(transport))
        if self._heard_all:
            self._pass_on_the_end(transport)
        return None

    def data_received(self, data: bytes) -> None:
        self._said.append(data)
        self._woken.set()
        if sum(map(len, self._said)) >= _SAID and self._transport is not None:
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        self._said_all = True
        self._woken.set()
        return True

    def pause_writing(self) -> None:
        self._choked = True

    def resume_writing(self) -> None:
        self._choked = False
        self._let_go_on()

    def connection_lost(self, problem: Exception | None) -> None:
        if not self._peace:
            self.cut()
        elif not self._done:
            self._done = True
            self._over(self)

    # inside

    async def _send(self, transport: asyncio.Transport) -> None:
        """Pass on what the socket says, and its end."""
        while self._said or not self._said_all:
            data = b"".join(self._said)
            self._said.clear()
            if data:
                transport.resume_reading()
                try:
                    await self.outflow.write(data)
                except Ended:
                    return
            else:
                self._woken.clear()
                await self._woken.wait()
        self.outflow.finish()
        self._end_if_over()

    def _let_go_on(self) -> None:
        """The socket has taken what came: so may the next bytes."""
        if self._owed and not self._choked and not self._done:
            owed, self._owed = self._owed, 0
            if (offset := self._receiving.use(owed)) is not None:
                self._tell(Credit(self.stream, offset), b"")

    def _pass_on_the_end(self, transport: asyncio.Transport) -> None:
        if transport.can_write_eof() and not transport.is_closing():
            transport.write_eof()
        self._end_if_over()

    def _end_if_over(self) -> None:
        """Both directions have ended."""
        if self.outflow.closed and (self._heard_all or self._deaf):
            if not self._heard_all:
                self._tell(End(self.stream), b"")
            self._part()

    def _part(self) -> None:
        """Close the socket; what is still on its way arrives."""
        assert self._transport is not None
        self._peace = True
        sock = self._transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
        self._transport.close()


def _has_ended(transport: asyncio.Transport) -> bool:
    """Whether the last byte of who is behind the socket has come, though we may not have read it yet."""
    sock = transport.get_extra_info("socket")
    if sock.family == socket.AF_UNIX:  # which delivers at once
        return True
    return bool(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _CLOSE_WAIT)
