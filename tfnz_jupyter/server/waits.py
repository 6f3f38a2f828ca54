"""Waiting until a container serves: tried again every few milliseconds, so that the fact is noticed at once."""

from __future__ import annotations

import asyncio

from ..errors import UsageError
from .tunnels import Connect

_EVERY = 0.02
_LONGEST_STATUS = 64 * 1024
#: One GET may take this long before it is tried anew, the next twice as long (seconds).
_FIRST_TRY = 5.0
_SILENT = -1


async def wait_tcp(connect: Connect) -> None:
    """Return once a connection is accepted."""
    while True:
        try:
            (await connect(asyncio.Protocol)).abort()
            return
        except OSError:
            await asyncio.sleep(_EVERY)


async def wait_http(connect: Connect, path: str, host: str) -> None:
    """Return once ``GET path`` answers 200.

    Raises:
        UsageError: the path or host would break the request.
    """
    for value in (path, host):
        if any(c.isspace() or not c.isprintable() for c in value):
            raise UsageError(f"{value!r} cannot be part of a request", hint="Quote it as in a URL.")
    request = f"GET /{path.lstrip('/')} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    patience = _FIRST_TRY
    while (status := await _status(connect, request.encode(), patience)) != 200:
        patience *= 2 if status == _SILENT else 1
        await asyncio.sleep(_EVERY)


async def _status(connect: Connect, request: bytes, patience: float) -> int:
    """The status a GET answers with; 0 where there is none, ``_SILENT`` where none came in time."""
    reply = _Reply(request)
    try:
        async with asyncio.timeout(patience):
            transport = await connect(lambda: reply)
            try:
                return await reply.status
            finally:
                transport.abort()
    except TimeoutError:
        return _SILENT
    except OSError:
        return 0


class _Reply(asyncio.Protocol):
    """Sends a request and reads no further than the status line."""

    def __init__(self, request: bytes) -> None:
        self.status: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._request = request
        self._got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._got += data
        if b"\n" in self._got or len(self._got) > _LONGEST_STATUS:
            self._answer()

    def connection_lost(self, problem: Exception | None) -> None:
        self._answer()

    def _answer(self) -> None:
        words = self._got.split(b"\n", 1)[0].split()
        is_status = len(words) >= 2 and words[0].startswith(b"HTTP/") and words[1].isdigit()
        if not self.status.done():
            self.status.set_result(int(words[1]) if is_status else 0)
