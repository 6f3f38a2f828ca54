"""A tool that other users' wishes lead somewhere may reach the public internet and nothing else, wherever it is sent.

What a registry's name means is up to whoever owns the name, and may change between two looks; a registry may redirect to
any address, this machine's own included. So the tool runs in a network namespace that leads nowhere (``apart``), with a
proxy as its only way out, which looks names up itself and connects to what it has looked at. The machine's own proxy, if
it has one, is not used: it would lead into the operator's network.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from .rules import is_public

log = logging.getLogger(__name__)

_CONNECT = re.compile(rb"CONNECT (\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):(\d{1,5}) HTTP/1\.[01]")
_LONGEST_HEAD = 16 * 1024
_PIECE = 64 * 1024
_PATIENCE = 10.0  # seconds for a request, and for a connection

Look = Callable[[str], Awaitable[list[str]]]


@contextlib.asynccontextmanager
async def way_out(scratch: Path, look_up: Look) -> AsyncIterator[list[str]]:
    """What to put before a command line, for as long as this lasts.

    Args:
        look_up: the addresses of a host.
    """
    socket = scratch / "way"
    proxy = _Proxy(look_up)
    server = await asyncio.start_unix_server(proxy.serve, str(socket), limit=_LONGEST_HEAD)
    try:
        rights = [] if os.getuid() == 0 else ["--user", "--map-root-user"]
        apart = [sys.executable, "-m", "tfnz_jupyter.server.images.apart", str(socket)]
        yield ["unshare", *rights, "--net", "--", *apart]
    finally:
        server.close()
        proxy.close()


class _Proxy:
    """Understands CONNECT, and connects to public addresses."""

    def __init__(self, look_up: Look) -> None:
        self._look_up = look_up
        self._serving: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            await self._answer(reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as e:
            log.info("the way out: %s", e)
        finally:
            self._serving.discard(task)
            writer.close()

    def close(self) -> None:
        """Cut what goes on."""
        for task in self._serving:
            task.cancel()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(_PATIENCE):
            head = await reader.readuntil(b"\r\n\r\n")
        asked = _CONNECT.match(head)
        if asked is None:
            writer.write(b"HTTP/1.1 405 only CONNECT\r\n\r\n")
            return
        far = await self._connect(asked[1].decode().strip("[]"), int(asked[2]))
        if far is None:
            writer.write(b"HTTP/1.1 403 not on the public internet\r\n\r\n")
            return
        writer.write(b"HTTP/1.1 200 connected\r\n\r\n")
        there, back = far
        try:
            await asyncio.gather(_pass_on(reader, back), _pass_on(there, writer))
        finally:
            back.close()

    async def _connect(
        self, host: str, port: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """A connection to a host's first public address that takes one; None if it has no such address."""
        problem: OSError | None = None
        for address in filter(is_public, await self._look_up(host)):
            try:
                async with asyncio.timeout(_PATIENCE):
                    return await asyncio.open_connection(address, port)
            except OSError as e:
                problem = e
        if problem is not None:
            raise problem
        return None


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(_PIECE):
        writer.write(piece)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
