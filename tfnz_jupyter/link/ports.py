"""Ports of this machine: listening on one, and closing a connection so that its other end sees a cut."""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from collections.abc import Callable
from typing import Any

from ..errors import Refused, TfnzError, UsageError

_BACKLOG = 4096
#: When descriptors have run out, they come back (seconds).
_RETRY_EVERY = 0.05
_RESET = struct.pack("ii", 1, 0)


async def listen(bind: str, port: int) -> socket.socket:
    """A listening socket, on a free port where ``port`` is 0.

    Raises:
        Refused: the port is taken or not allowed.
        UsageError: there is no such address here.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(bind, port, type=socket.SOCK_STREAM)
        return _listener(found[0][0], found[0][4])
    except OSError as problem:
        raise _bind_error(bind, port, problem) from problem


async def accept(
    listener: socket.socket,
    take: Callable[[socket.socket], object],
    failed: Callable[[OSError], object],
) -> None:
    """Give every connection to ``take``, until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            near, _address = await loop.sock_accept(listener)
        except OSError as problem:
            failed(problem)
            await asyncio.sleep(_RETRY_EVERY)
        else:
            take(near)


def reset(sock: socket.socket) -> None:
    """Close it so that the other end sees an error, not an end."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    sock.close()


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
