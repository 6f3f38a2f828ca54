"""Connections to the ports of one Pod.

Straight to its address where that leads to it: proved once, by a word that is only there to be heard in this Pod, for another
machine may have that address in the network that the location is in. Everywhere else the API server forwards them, each
over a WebSocket of its own; there, an end of input cannot be passed on: the connection stays open until the other side ends
it, or both are cut.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import secrets
import select
import socket

import aiohttp

from ...errors import TfnzError
from ..dialling import dial
from . import channels
from .api import Api
from .desk import Desk

_PROOF = 1.0
_LOOK = 1.0  # seconds between two looks whether who says nothing more still listens
_PIECE = 128 * 1024
_FRESH = 0.2  # seconds for which somebody who listens is taken to do so still


class Ports:
    """One Pod's.

    Args:
        api: of its cluster.
        path: of the Pod.
        desk: in it.
    """

    def __init__(self, api: Api, path: str, desk: Desk) -> None:
        self._api, self._path, self._desk = api, path, desk
        self._straight: asyncio.Task[bool] | None = None
        self._pumps: set[asyncio.Task[None]] = set()
        self._asking: dict[int, asyncio.Lock] = {}
        self._heard: dict[int, float] = {}  # when somebody was known to listen on a port

    async def dial(self, port: int, ip: str) -> socket.socket:
        """See :meth:`~tfnz_jupyter.engines.base.Engine.dial`; ``ip`` is the Pod's."""
        return await (dial(ip, port) if await self.straight(ip) else self._forward(port))

    async def straight(self, ip: str) -> bool:
        """Whether the Pod's address leads to it from here."""
        asked = self._straight
        if asked is None or (asked.done() and (asked.cancelled() or asked.exception())):
            asked = self._straight = asyncio.create_task(self._leads_there(ip))
        return await asyncio.shield(asked)

    def close(self) -> None:
        """Cut all that is forwarded."""
        for pump in self._pumps:
            pump.cancel()

    # -- straight ------------------------------------------------------------------------------------------------------

    async def _leads_there(self, ip: str) -> bool:
        """Whether what listens at that address is this Pod."""
        word, port = secrets.token_hex(16), 20_000 + secrets.randbelow(40_000)
        await self._desk.ask(
            f'echo {word} >r/word; "$B" timeout 5 "$B" nc -l -p {port} <r/word >/dev/null 2>&1 &'
        )
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_PROOF):
                return await _heard(ip, port) == word.encode()
        return False

    # -- forwarded -----------------------------------------------------------------------------------------------------

    async def _listens(self, port: int) -> bool:
        """Whether anybody does; many who want to know at once ask once, for each question costs the Pod a process."""
        loop = asyncio.get_running_loop()
        async with self._asking.setdefault(port, asyncio.Lock()):
            if loop.time() - self._heard.get(port, -_FRESH) < _FRESH:
                return True
            found = (await self._desk.ask(f"listens {port}")).code == 0
            if found:
                self._heard[port] = loop.time()
            return found

    async def _forward(self, port: int) -> socket.socket:
        if not await self._listens(port):
            raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        try:
            web = await self._api.socket(
                f"{self._path}/portforward", [("ports", str(port))], channels.FORWARDING
            )
        except TfnzError as problem:
            raise ConnectionResetError(errno.ECONNRESET, str(problem)) from problem
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setblocking(False)
        pump = asyncio.create_task(_pump(web, ours))
        self._pumps.add(pump)
        pump.add_done_callback(self._pumps.discard)
        return theirs


async def _heard(ip: str, port: int) -> bytes:
    """What is said by whoever listens there, at the latest after a few tries: it may not listen quite yet."""
    while True:
        with contextlib.suppress(ConnectionRefusedError):
            sock = await dial(ip, port)
            with sock:
                return (await asyncio.get_running_loop().sock_recv(sock, 100)).strip()
        await asyncio.sleep(0.01)


async def _pump(web: aiohttp.ClientWebSocketResponse, sock: socket.socket) -> None:
    """Until the Pod's side has ended, or nobody is there to hear it; whoever is cut sees a reset."""
    both = asyncio.create_task(_up(sock, web)), asyncio.create_task(_down(web, sock))
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in both:
            way.cancel()
        await asyncio.gather(*both, return_exceptions=True)
        sock.close()
        await web.close()


async def _up(sock: socket.socket, web: aiohttp.ClientWebSocketResponse) -> None:
    """Returns once the socket's other end is closed: who only says no more may still hear."""
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError):  # a reset
        while data := await loop.sock_recv(sock, _PIECE):
            try:
                await web.send_bytes(channels.pack(channels.DATA, data))
            except (aiohttp.ClientError, ConnectionError):
                break  # what the Pod said last may still be on its way
        closed = select.poll()
        closed.register(sock, 0)  # that is always told
        while True:
            if closed.poll(0):
                return
            await asyncio.sleep(_LOOK)


async def _down(web: aiohttp.ClientWebSocketResponse, sock: socket.socket) -> None:
    loop, forward = asyncio.get_running_loop(), channels.Forward()
    with contextlib.suppress(OSError):  # who does not want the rest has closed his end
        async for message in web:
            if message.type is aiohttp.WSMsgType.BINARY:
                data, problem = forward.receive(message.data)
                if problem:
                    return
                await loop.sock_sendall(sock, data)
