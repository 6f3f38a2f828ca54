"""A small API server of Kubernetes' kind that fails on purpose: objects of one list, and its watch.

It answers like the real one where that matters to a client: versions grow, a watch goes on from the version it is asked for,
what it has forgotten is 410. Each fault is something that clusters do; none of them can be had from a real one on demand.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from aiohttp import web

from tfnz_jupyter.engines.kubernetes.api import Api
from tfnz_jupyter.engines.kubernetes.credentials import Access

PATH = "/api/v1/things"
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class FakeApi:
    """``objects`` are there; ``faults`` are answers to come before any other; ``asked`` is what was asked: method and query."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.faults: deque[Answer] = deque()
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.token = "first"
        self.loads = 0
        self.port = 0
        self._version, self._oldest = 1, 1
        self._events: list[tuple[int, dict[str, Any]]] = []
        self._watches: set[asyncio.Event] = set()
        self._cut = asyncio.Event()

    # -- what tests do to it -------------------------------------------------------------------------------------------

    def put(self, name: str, **facts: Any) -> None:
        """An object is new, or has changed."""
        kind = "MODIFIED" if name in self.objects else "ADDED"
        self._version += 1
        metadata = {"name": name, "resourceVersion": str(self._version)}
        self.objects[name] = {"metadata": metadata, **facts}
        self._tell(kind, self.objects[name])

    def remove(self, name: str) -> None:
        """An object is gone."""
        self._version += 1
        gone = self.objects.pop(name)
        self._tell(
            "DELETED",
            gone | {"metadata": gone["metadata"] | {"resourceVersion": str(self._version)}},
        )

    def bookmark(self) -> None:
        """Say only how far things are."""
        self._version += 1
        self._tell("BOOKMARK", {"metadata": {"resourceVersion": str(self._version)}})

    def forget(self) -> None:
        """No version before this is known any more."""
        self._oldest = self._version + 1
        self._version += 1
        self._events.clear()

    def cut(self) -> None:
        """Every watch breaks off in the middle of a line."""
        before, self._cut = self._cut, asyncio.Event()
        before.set()
        self._wake()

    @property
    def watching(self) -> int:
        """How many watch at the moment."""
        return len(self._watches)

    # -- what it answers -----------------------------------------------------------------------------------------------

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.method, dict(request.query)))
        if self.faults:
            return await self.faults.popleft()(request)
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return status(401, "Unauthorized")
        if request.method == "POST":
            self.put((await request.json())["metadata"]["name"])
            return web.json_response(self.objects[max(self.objects)])
        if "watch" in request.query:
            return await self._watch(request, int(request.query["resourceVersion"]))
        return self._list(request)

    def _list(self, request: web.Request) -> web.Response:
        """A page of two objects."""
        start = int(request.query.get("continue", "0"))
        every = sorted(self.objects.values(), key=lambda one: str(one["metadata"]["name"]))
        more = str(start + 2) if start + 2 < len(every) else ""
        metadata = {"resourceVersion": str(self._version), "continue": more}
        return web.json_response({"metadata": metadata, "items": every[start : start + 2]})

    async def _watch(self, request: web.Request, version: int) -> web.StreamResponse:
        if version < self._oldest:
            return status(410, "too old resource version")
        cut, woken = self._cut, asyncio.Event()
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        self._watches.add(woken)
        try:
            while not cut.is_set():
                woken.clear()
                for at, event in [one for one in self._events if one[0] > version]:
                    line = json.dumps(event).encode() + b"\n"
                    await response.write(line[:9])  # in two parts: lines are no packets
                    await response.write(line[9:])
                    version = at
                await woken.wait()
            await response.write(b'{"type":"ADD')
            assert request.transport is not None
            request.transport.abort()
        finally:
            self._watches.discard(woken)
        return response

    def _tell(self, kind: str, one: dict[str, Any]) -> None:
        self._events.append((self._version, {"type": kind, "object": one}))
        self._wake()

    def _wake(self) -> None:
        for woken in self._watches:
            woken.set()

    async def load(self) -> Access:
        """For ``Api``: who we are, as a kubeconfig's plugin would find out anew."""
        self.loads += 1
        return Access(
            f"http://127.0.0.1:{self.port}", "default", authorization=f"Bearer {self.token}"
        )


def status(code: int, message: str, **headers: str) -> web.Response:
    """A refusal in the API's form."""
    body = {"kind": "Status", "status": "Failure", "code": code, "message": message}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.json_response(body, status=code, headers=named)


def refusing(code: int, message: str = "no", **headers: str) -> Answer:
    """A fault: that status."""

    async def answer(_request: web.Request) -> web.StreamResponse:
        return status(code, message, **headers)

    return answer


async def hanging_up(request: web.Request) -> web.StreamResponse:
    """A fault: the connection breaks before there is an answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def breaking_off(request: web.Request) -> web.StreamResponse:
    """A fault: the connection breaks within the answer."""
    response = web.StreamResponse()
    response.content_length = 100
    await response.prepare(request)
    await response.write(b'{"metadata"')
    assert request.transport is not None
    request.transport.close()
    return response


async def greeting(_request: web.Request) -> web.StreamResponse:
    """A fault: something else answers."""
    return web.Response(text="<html>Log in, please.</html>")


def erring(code: int) -> Answer:
    """A fault: a watch begins, and its first event is an error."""

    async def answer(request: web.Request) -> web.StreamResponse:
        error = {"type": "ERROR", "object": {"kind": "Status", "code": code, "message": "no"}}
        return web.Response(body=json.dumps(error).encode() + b"\n")

    return answer


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[tuple[FakeApi, Api]]:
    """One that serves, and a client of it."""
    fake = FakeApi()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", fake.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    fake.port = runner.addresses[0][1]
    api = Api(fake.load)
    try:
        yield fake, api
    finally:
        await api.close()
        fake.cut()
        await runner.cleanup()
