"""A port of this machine that leads into a container.

Bytes go from socket to socket in this process, never through a kernel's interpreter. A slow side stops the fast one, an
end of one direction is passed on and leaves the other open.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Awaitable, Callable

from ..errors import Refused, TfnzError, UsageError

log = logging.getLogger(__name__)

#: ``connect(protocol)`` opens one connection into the container.
Connect = Callable[[Callable[[], asyncio.BaseProtocol]], Awaitable[asyncio.Transport]]

_BUFFER = 1024 * 1024
_RETRY_EVERY = 0.05
#: A connection made while nobody listens in the container yet waits this long for it (seconds).
_PATIENCE = 10.0


class _Side(asyncio.Protocol):
    """One socket of a relayed pair."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: _Side | None = None
        self.gone = False
        self.ended = False  # it will send no more
        self._early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.set_write_buffer_limits(high=_BUFFER)

    def join(self, other: _Side) -> None:
        """Pass everything on to another side, first of all what came before it was there."""
        self.other = other
        assert other.transport is not None
        for data in self._early:
            other.transport.write(data)
        self._early.clear()

    def go_on(self) -> None:
        """Both are joined: pass on an end that came before, or read what comes next."""
        if self.ended:
            self.eof_received()
        elif self.transport is not None:
            self.transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        if self.other is None:
            self._early.append(data)
            assert self.transport is not None
            self.transport.pause_reading()
        elif self.other.transport is not None:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        self.ended = True
        if self.other is not None and self.other.transport is not None:
            if self.other.ended:  # both ways are over
                self._close_both()
            elif self.other.transport.can_write_eof():
                self.other.transport.write_eof()
        return True

    def _close_both(self) -> None:
        for side in (self, self.other):
            if side is not None and side.transport is not None:
                side.transport.close()

    def pause_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()

    def connection_lost(self, problem: Exception | None) -> None:
        self.gone = True
        if self.other is not None and self.other.transport is not None:
            if problem is None:
                self.other.transport.close()
            else:
                self.other.transport.abort()


class Tunnel:
    """A listening socket and the connections that came through it."""

    def __init__(self, tunnel: str, container: str, connect: Connect) -> None:
        self.id = tunnel
        self.container = container
        self.address = ""
        self.port = 0
        self._connect = connect
        self._server: asyncio.Server | None = None
        self._sides: set[_Side] = set()
        self._dialling: set[asyncio.Task[None]] = set()

    async def listen(self, bind: str, port: int) -> None:
        """Bind, on a free port where ``port`` is 0.

        Raises:
            Refused: the port is taken or not allowed.
            UsageError: there is no such address here.
        """
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(bind, port, type=socket.SOCK_STREAM)
            self._server = await loop.create_server(self._accept, str(found[0][4][0]), port)
        except OSError as problem:
            raise _bind_error(bind, port, problem) from problem
        self.address, self.port = self._server.sockets[0].getsockname()[:2]

    def close(self) -> None:
        """Stop listening and drop every connection. Idempotent."""
        if self._server is not None:
            self._server.close()
        for task in self._dialling:
            task.cancel()
        for side in self._sides:
            if side.transport is not None:
                side.transport.abort()
        self._sides.clear()

    def _accept(self) -> _Side:
        near = _Side()
        self._sides = {side for side in self._sides if not side.gone} | {near}
        task = asyncio.ensure_future(self._dial(near))
        self._dialling.add(task)
        task.add_done_callback(self._dialling.discard)
        return near

    async def _dial(self, near: _Side) -> None:
        far = _Side()
        try:
            await self._reach(near, far)
        except (OSError, TfnzError) as problem:
            log.info("tunnel %s: %s", self.id, problem)
            if near.transport is not None:
                near.transport.abort()
            return
        self._sides.add(far)
        if near.gone and far.transport is not None:
            far.transport.close()
            return
        far.join(near)
        near.join(far)
        far.go_on()
        near.go_on()

    async def _reach(self, near: _Side, far: _Side) -> None:
        give_up = asyncio.get_running_loop().time() + _PATIENCE
        while True:
            try:
                await self._connect(lambda: far)
                return
            except ConnectionRefusedError:
                if near.gone or asyncio.get_running_loop().time() > give_up:
                    raise
                await asyncio.sleep(_RETRY_EVERY)


def _bind_error(bind: str, port: int, problem: OSError) -> TfnzError:
    if problem.errno == errno.EADDRINUSE:
        return Refused(
            f"port {port} on {bind} is taken", hint="Leave the local port out to get a free one."
        )
    if problem.errno == errno.EACCES:
        return Refused(
            f"port {port} on {bind} needs privileges", hint="Choose a local port above 1023."
        )
    return UsageError(f"cannot listen on {bind}:{port}: {problem.strerror or problem}")
