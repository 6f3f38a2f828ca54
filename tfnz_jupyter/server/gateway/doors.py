"""The ports visitors come to, and their way on to Caddy, which listens in the containers' network and nowhere else.

80 and 443 where they can be had, else free ones, which are then kept for as long as the location lives. A connection goes on
from here under a name that holds its visitor's address: the only thing Caddy can know of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import itertools
import logging
import socket
from collections.abc import AsyncIterator

from ..relay import Relay
from .caddy import Caddy
from .config import HTTP, HTTPS

log = logging.getLogger(__name__)

_PORTS = {HTTP: 80, HTTPS: 443}
_NOT_OURS = (errno.EADDRINUSE, errno.EACCES, errno.EPERM)
_BACKLOG = 1024
#: While Caddy is being started again, a visitor waits this long for it, looking this often (seconds).
_PATIENCE, _PAUSE = 10.0, 0.05
#: Before a change of configuration, seconds without new visitors.
_HUSH = 0.1
#: The connections' name at the relay.
_NAME = "web-gateway"


class Doors:
    """Two listening sockets, closed at first.

    Args:
        bind: the address they are on.
    """

    def __init__(self, caddy: Caddy, relay: Relay, bind: str) -> None:
        self._caddy, self._relay, self.bind = caddy, relay, bind
        self._wanted = dict(_PORTS)
        self._listening: dict[str, socket.socket] = {}
        self._accepting: list[asyncio.Task[None]] = []
        self._entering: set[asyncio.Task[None]] = set()
        self._numbers = itertools.count()
        self._free = asyncio.Event()
        self._free.set()

    @property
    def http(self) -> int:
        """The port of http, 0 while it is closed."""
        return self._port(HTTP)

    @property
    def https(self) -> int:
        """The port of https, 0 while it is closed."""
        return self._port(HTTPS)

    def open(self) -> None:
        """Listen; nothing happens if they are open."""
        for name in _PORTS:
            if name not in self._listening:
                listener = self._listening[name] = self._listen(name)
                self._wanted[name] = self._port(name)
                self._accepting.append(asyncio.ensure_future(self._accept(name, listener)))

    def close(self) -> None:
        """Take no more visitors, and turn out those who are there. Idempotent."""
        for task in [*self._accepting, *self._entering]:
            task.cancel()
        for listener in self._listening.values():
            listener.close()
        if self._listening:
            self._relay.cut(_NAME)
        self._accepting.clear()
        self._listening.clear()

    @contextlib.asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Let new visitors wait in here, and those who have just come in be served.

        While Caddy changes its configuration it knows for a moment nothing of who is down, and sends nobody on.
        """
        self._free.clear()
        try:
            if self._listening:
                await asyncio.sleep(_HUSH)
            yield
        finally:
            self._free.set()

    def _port(self, name: str) -> int:
        return int(self._listening[name].getsockname()[1]) if name in self._listening else 0

    def _listen(self, name: str) -> socket.socket:
        """On the wanted port, or on a free one where that is somebody else's or forbidden."""
        try:
            return self._bound(self._wanted[name])
        except OSError as problem:
            if problem.errno not in _NOT_OURS:
                raise
        return self._bound(0)

    def _bound(self, port: int) -> socket.socket:
        family = socket.AF_INET6 if ":" in self.bind else socket.AF_INET
        listener = socket.create_server((self.bind, port), family=family, backlog=_BACKLOG)
        listener.setblocking(False)
        return listener

    async def _accept(self, name: str, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                near, address = await loop.sock_accept(listener)
            except OSError as problem:  # out of descriptors, say; the next moment may be better
                log.warning("a visitor could not be let in: %s", problem)
                await asyncio.sleep(_PAUSE)
                continue
            task = asyncio.ensure_future(self._enter(name, near, str(address[0])))
            self._entering.add(task)
            task.add_done_callback(self._entering.discard)

    async def _enter(self, name: str, near: socket.socket, visitor: str) -> None:
        with contextlib.ExitStack() as ours:
            ours.callback(near.close)
            near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await self._free.wait()
            try:
                far = await self._reach(name, f"{visitor}#{next(self._numbers)}")
            except OSError as problem:
                log.warning("a visitor found no web gateway: %s", problem)
                return
            ours.pop_all()
            self._relay.join(_NAME, near, far)

    async def _reach(self, name: str, named: str) -> socket.socket:
        loop = asyncio.get_running_loop()
        give_up = loop.time() + _PATIENCE
        while True:
            try:
                return await self._caddy.connect(name, named)
            except OSError:
                if loop.time() > give_up:
                    raise
            await asyncio.sleep(_PAUSE)
