"""A list of objects that stays true: listed once, then watched, and listed anew where the watch has lost its place.

A watch goes on from the version of the last object or bookmark it saw. The server ends it now and then, which means
nothing; it forgets old versions (410, also told as an event), which means that everything is listed again, and whoever has
vanished meanwhile is told as gone. One that says nothing for long is taken for dead, for a connection may be and nobody
tells. Failures are followed by a growing, random pause.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import msgspec

from ...errors import TfnzError
from .api import Api, Forgotten, Json, Query, pause

_LASTS = (
    300  # seconds for which a watch is asked for; half of it at least, so that not all end at once
)
_SILENCE = 90.0  # seconds: bookmarks come once a minute
_LONGEST = 8 << 20  # bytes of one event

_log = logging.getLogger(__name__)

#: Told each object that is new or has changed, by name, and None for one that is gone.
Changed = Callable[[str, Json | None], None]


class Watched:
    """The objects below one path, by name. ``changed`` is called on the loop, in order; it must not raise.

    Args:
        path: of the list.
        query: what chooses among them.
    """

    def __init__(self, api: Api, path: str, changed: Changed, query: Query = ()) -> None:
        self._api, self._path, self._query, self._changed = api, path, query, changed
        self.objects: dict[str, Json] = {}
        self._version = ""
        self._watching: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """List them, and watch from then on. Raises what :meth:`Api.items` does."""
        await self._list()
        self._watching = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """See nothing more. Idempotent."""
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching

    # -- for ever ------------------------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        failures = 0
        while True:
            before = self._version
            try:
                if not self._version:
                    await self._list()
                await self._follow()
            except Forgotten:
                self._version = ""
            except (TfnzError, aiohttp.ClientError, TimeoutError, OSError, ValueError) as problem:
                _log.info("watching %s: %s", self._path, problem)
            failures = 0 if self._version not in ("", before) else failures + 1
            await asyncio.sleep(pause(failures) if failures else 0)

    async def _list(self) -> None:
        found, version = await self._api.items(self._path, self._query)
        now = {one["metadata"]["name"]: one for one in found}
        for name in [name for name in self.objects if name not in now]:
            self._take(name, None)
        for name, one in now.items():
            if _version(one) != _version(self.objects.get(name)):
                self._take(name, one)
        self._version = version

    async def _follow(self) -> None:
        lasts = str(random.randint(_LASTS // 2, _LASTS))
        query = [
            *self._query, ("watch", "1"), ("allowWatchBookmarks", "true"),
            ("resourceVersion", self._version), ("timeoutSeconds", lasts),
        ]  # fmt: skip
        async with self._api.stream(self._path, query, silence=_SILENCE) as content:
            async for line in lines(content):
                self._happened(msgspec.json.decode(line))

    def _happened(self, event: Json) -> None:
        one = event["object"]
        if event["type"] == "ERROR":
            words = one.get("message", "an error")
            raise Forgotten(words) if one.get("code") == 410 else ValueError(words)
        self._version = _version(one)
        if event["type"] != "BOOKMARK":
            gone = event["type"] == "DELETED"
            self._take(one["metadata"]["name"], None if gone else one)

    def _take(self, name: str, one: Json | None) -> None:
        if one is None:
            self.objects.pop(name, None)
        else:
            self.objects[name] = one
        self._changed(name, one)


async def lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """What comes, a line at a time, however long; split at newlines alone."""
    rest = bytearray()
    async for chunk in content.iter_any():
        rest += chunk
        *whole, last = bytes(rest).split(b"\n")
        rest = bytearray(last)
        if len(rest) > _LONGEST:
            raise ValueError("a line without end")
        for line in whole:
            if line:
                yield line


def _version(one: Any) -> str:
    return str(one["metadata"].get("resourceVersion", "")) if one else ""
