"""Local ends of tunnels to a location on another machine: this program listens, and its connections go over the session.

They survive a cut link, as everything of the session does. On the location's own machine none of this is used: there the
location listens, and no byte passes through this interpreter.
"""

from __future__ import annotations

import asyncio
import logging
import socket

import msgspec

from ..errors import TfnzError
from ..link.carried import WINDOW, Carried
from ..link.ports import accept, listen, reset
from ..wire import messages as m
from .connection import Connection

log = logging.getLogger(__name__)


class Ports:
    """The local ports of one container's tunnels."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._open: dict[str, _Port] = {}

    async def open(self, ask: m.OpenTunnel | m.OpenSsh) -> m.Listening:
        """Listen here where the location was to listen, and have the far end opened.

        Raises:
            Refused: the port is taken, or needs privileges.
            UsageError: there is no such address here.
            TfnzError: what the location answered.
        """
        listener = await listen(ask.bind, ask.local_port)
        try:
            await self._connection.call(msgspec.structs.replace(ask, bind=""))
        except BaseException:
            listener.close()
            raise
        self._open[ask.tunnel] = _Port(ask.tunnel, listener, self._connection)
        address, port = listener.getsockname()[:2]
        return m.Listening(address, port)

    def close(self, tunnel: str) -> None:
        """Listen no longer. The connections are the location's to end. Idempotent."""
        if (port := self._open.pop(tunnel, None)) is not None:
            port.close()


class _Port:
    """One listening socket, and the connections that are being made."""

    def __init__(self, tunnel: str, listener: socket.socket, connection: Connection) -> None:
        self._tunnel = tunnel
        self._listener = listener
        self._connection = connection
        self._dialling: set[asyncio.Task[None]] = set()
        self._accepting = asyncio.ensure_future(accept(listener, self._take, self._failed))

    def close(self) -> None:
        self._accepting.cancel()
        self._listener.close()

    def _failed(self, problem: OSError) -> None:
        log.warning("tunnel %s: %s", self._tunnel, problem)

    def _take(self, near: socket.socket) -> None:
        task = asyncio.ensure_future(self._join(near))
        self._dialling.add(task)
        task.add_done_callback(self._dialling.discard)

    async def _join(self, near: socket.socket) -> None:
        """Carry a connection; where it cannot be made, it is cut."""
        outflow = self._connection.write(WINDOW)
        carried = Carried(
            self._connection.number(), outflow, self._connection.tell, self._connection.put_down
        )
        self._connection.read(carried)
        dialled = self._connection.call(m.Dial(self._tunnel, carried.stream, outflow.stream))
        dialling = asyncio.ensure_future(dialled)
        try:
            await asyncio.sleep(0)  # it is asked for before the first byte is sent
            await carried.run(near)
            await dialling
        except (OSError, TfnzError) as problem:
            log.info("tunnel %s: %s", self._tunnel, problem)
        finally:
            if not (carried.joined and dialling.done() and not dialling.exception()):
                dialling.cancel()
                carried.cut()
            if not carried.joined:
                reset(near)
