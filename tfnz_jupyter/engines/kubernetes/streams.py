"""Connections into a Pod: to its desk, and to its ports."""

from __future__ import annotations

import aiohttp

from . import channels
from .api import Api
from .init import DESK

MAIN = "main"  # the container, within its Pod


async def desk(api: Api, path: str) -> aiohttp.ClientWebSocketResponse:
    """An exec of the desk. Raises as ``Api.socket``."""
    words = [("command", word) for word in DESK]
    ways = [(name, "true") for name in ("stdin", "stdout", "stderr")]
    query = [("container", MAIN), *ways, *words]
    return await api.socket(f"{path}/exec", query, channels.PROTOCOLS)
