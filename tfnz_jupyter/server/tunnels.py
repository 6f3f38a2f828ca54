"""A port of this machine that leads into a container.

The location listens, and opens the other end of each connection; the bytes go through the relay's process. Where the
program is on another machine, it listens there, and its connections come out here. A slow side stops the fast one, an end
of one direction is passed on and leaves the other open, and a connection that is cut is seen to be cut.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from ..errors import TfnzError
from ..link.carried import Carried
from ..link.ports import accept, listen, reset
from .relay import Relay

log = logging.getLogger(__name__)

#: ``connect(protocol)`` opens one connection into the container.
Connect = Callable[[Callable[[], asyncio.BaseProtocol]], Awaitable[asyncio.Transport]]
#: ``dial()`` opens one connection, as a socket.
Dial = Callable[[], Awaitable[socket.socket]]

_RETRY_EVERY = 0.05
#: A connection made while nobody listens in the container yet waits this long for it (seconds).
_PATIENCE = 10.0
#: And one that meets a full queue, this long (seconds).
_LONGEST_PATIENCE = 60.0


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
        self._carried: set[Carried] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def listen(self, bind: str, port: int) -> None:
        """Bind, on a free port where ``port`` is 0.

        Raises:
            Refused: the port is taken or not allowed.
            UsageError: there is no such address here.
        """
        listener = await listen(bind, port)
        self.address, self.port = listener.getsockname()[:2]
        self.serve(listener)

    def serve(self, listener: socket.socket) -> None:
        """Take connections from a listening socket, which becomes its own."""
        self._listener = listener
        self._keep(accept(listener, lambda near: self._keep(self._join(near)), self._failed))

    async def carry(self, carried: Carried) -> None:
        """Let a connection that was made at the session's other end come out here.

        Raises:
            OSError: nobody listens in the container, or no longer.
        """
        self._carried.add(carried)
        await carried.run(await self._reach())

    def put_down(self, carried: Carried) -> None:
        """That connection is over."""
        self._carried.discard(carried)

    def close(self) -> None:
        """Stop listening and cut every connection. Idempotent."""
        self.rest()
        self._relay.cut(self.id)
        for carried in list(self._carried):
            carried.cut()

    def finish(self) -> None:
        """The container is over: stop listening, and let arrive what it has sent. Idempotent."""
        self.rest()
        self._relay.finish(self.id)
        for carried in list(self._carried):
            carried.finish()

    def rest(self) -> None:
        """Stop listening; what is under way goes on. Idempotent."""
        for task in self._tasks:
            task.cancel()
        if self._listener is not None:
            self._listener.close()

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _failed(self, problem: OSError) -> None:
        log.warning("tunnel %s: %s", self.id, problem)  # out of descriptors, say: they come back

    async def _join(self, near: socket.socket) -> None:
        try:
            far = await self._reach()
        except (OSError, TfnzError) as problem:
            log.info("tunnel %s: %s", self.id, problem)
            reset(near)
        except BaseException:
            reset(near)
            raise
        else:
            self._relay.join(self.id, near, far)

    async def _reach(self) -> socket.socket:
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            try:
                return await self._dial()
            except ConnectionRefusedError:
                if loop.time() > began + _PATIENCE:
                    raise
                await asyncio.sleep(_RETRY_EVERY)
            except TimeoutError:
                if loop.time() > began + _LONGEST_PATIENCE:
                    raise
