"""Connections straight to a container's address."""

from __future__ import annotations

import asyncio
import socket

#: A container answers at once, or its queue of connections is full, and the kernel would try again ever more rarely (seconds).
_ANSWER = 0.5


async def dial(ip: str, port: int, sock: socket.socket | None = None) -> socket.socket:
    """A connection, as a non-blocking socket of the caller's: see :meth:`~tfnz_jupyter.engines.base.Engine.dial`.

    Args:
        sock: an unconnected one of another network, which is connected or closed; by default one of this process's.
    """
    if sock is None:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        sock.setblocking(False)
        connecting = asyncio.get_running_loop().sock_connect(sock, (ip, port))
        await asyncio.wait_for(connecting, _ANSWER)
    except BaseException:
        sock.close()
        raise
    return sock
