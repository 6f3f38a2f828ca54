"""A port of this machine that leads into a container.

The location listens, and opens the other end of each connection; the bytes go through the relay's process. A slow side
stops the fast one, an end of one direction is passed on and leaves the other open, and a connection that is cut is seen
to be cut.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import struct
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from ..errors import Refused, TfnzError, UsageError
from .relay import Relay

log = logging.getLogger(__name__)

#: ``connect(protocol)`` opens one connection into the container.
Connect = Callable[[Callable[[], asyncio.BaseProtocol]], Awaitable[asyncio.Transport]]
#: ``dial()`` opens one connection, as a socket.
Dial = Callable[[], Awaitable[socket.socket]]

_BACKLOG = 4096
_RETRY_EVERY = 0.05
#: A connection made while nobody listens in the container yet waits this long for it (seconds).
_PATIENCE = 10.0
_RESET = struct.pack("ii", 1, 0)


class Tunnel:
    """A listening socket and the connections that came through it.

    Args:
        tunnel: its id.
        container: where it leads.
        dial: opens the far end of a connection.
        relay: joins both ends.
    """

    def __init__(self, tunnel: str, container: str, dial: Dial, relay: Relay) -> None:
        self.id = tunnel
        self.container = container
        self.address = ""
        self.port = 0
        self._dial = dial
        self._relay = relay
        self._listener: socket.socket | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def listen(self, bind: str, port: int) -> None:
        """Bind, on a free port where ``port`` is 0.

        Raises:
            Refused: the port is taken or not allowed.
            UsageError: there is no such address here.
        """
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(bind, port, type=socket.SOCK_STREAM)
            self._listener = _listener(found[0][0], found[0][4])
        except OSError as problem:
            raise _bind_error(bind, port, problem) from problem
        self.address, self.port = self._listener.getsockname()[:2]
        self._keep(self._accept(self._listener))

    def close(self) -> None:
        """Stop listening and cut every connection. Idempotent."""
        self._stop()
        self._relay.cut(self.id)

    def finish(self) -> None:
        """The container is over: stop listening, and let arrive what it has sent. Idempotent."""
        self._stop()
        self._relay.finish(self.id)

    def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._listener is not None:
            self._listener.close()

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                near, _address = await loop.sock_accept(listener)
            except OSError as problem:  # out of descriptors, say: they come back
                log.warning("tunnel %s: %s", self.id, problem)
                await asyncio.sleep(_RETRY_EVERY)
            else:
                self._keep(self._join(near))

    async def _join(self, near: socket.socket) -> None:
        try:
            far = await self._reach()
        except (OSError, TfnzError) as problem:
            log.info("tunnel %s: %s", self.id, problem)
            _reset(near)
        except BaseException:
            _reset(near)
            raise
        else:
            self._relay.join(self.id, near, far)

    async def _reach(self) -> socket.socket:
        loop = asyncio.get_running_loop()
        give_up = loop.time() + _PATIENCE
        while True:
            try:
                return await self._dial()
            except ConnectionRefusedError:
                if loop.time() > give_up:
                    raise
                await asyncio.sleep(_RETRY_EVERY)


def _listener(family: int, address: Any) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        sock.listen(_BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock


def _reset(sock: socket.socket) -> None:
    """Close it so that the other end sees an error, not an end."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    sock.close()


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
