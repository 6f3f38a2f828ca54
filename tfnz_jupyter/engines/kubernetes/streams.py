"""Connections into a Pod by exec: to its desk, and for a command that is run to its end."""

from __future__ import annotations

from collections.abc import Sequence

import aiohttp

from ...errors import EngineFailed
from . import channels
from .api import Api
from .init import DESK, MAIN

_MOST = 64 * 1024  # bytes kept of what a command says


async def desk(api: Api, path: str) -> aiohttp.ClientWebSocketResponse:
    """An exec of the desk. Raises as ``Api.socket``."""
    return await _exec(api, path, MAIN, DESK, ("stdin", "stdout", "stderr"))


async def run(api: Api, path: str, container: str, argv: Sequence[str]) -> tuple[int, str]:
    """Run a command in a Pod's container to its end: its exit code, and what it said on both outputs.

    Raises:
        EngineFailed: it could not be run, or nobody knows how it ended. As ``Api.socket``.
    """
    said, status = bytearray(), None
    async with await _exec(api, path, container, argv, ("stdout", "stderr")) as socket:
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.BINARY:
                continue
            channel, data = channels.unpack(message.data)
            if channel == channels.STATUS:
                status = bytes(data)
            elif len(said) < _MOST:
                said += data
    found = channels.outcome(status)
    words = said.decode("utf-8", "replace")
    if found.code is None:
        raise EngineFailed(f"{argv[0]} in {path.rpartition('/')[2]}: {found.reason}", detail=words)
    return found.code, words


async def _exec(
    api: Api, path: str, container: str, argv: Sequence[str], ways: Sequence[str]
) -> aiohttp.ClientWebSocketResponse:
    words = [("command", word) for word in argv]
    query = [("container", container), *((way, "true") for way in ways), *words]
    return await api.socket(f"{path}/exec", query, channels.PROTOCOLS)
