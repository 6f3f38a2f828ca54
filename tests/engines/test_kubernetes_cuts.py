"""A location's connections into Pods are cut, again and again: nothing is lost, doubled or done twice."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.support import kubernetes_bench
from tests.support.bench import outputs
from tests.support.kubernetes_bench import Bench
from tfnz_jupyter.engines.base import Exit
from tfnz_jupyter.engines.kubernetes.api import Api

pytestmark = [pytest.mark.cluster, pytest.mark.asyncio(loop_scope="function")]

LINES = 20_000
#: Prints them, in a while that sees several cuts.
COUNTS = f"i=0; while [ $i -lt {LINES} ]; do echo line $i; i=$((i + 1)); done"


@pytest_asyncio.fixture(loop_scope="function")
async def bench() -> AsyncIterator[Bench]:
    """An engine of its own."""
    async with kubernetes_bench.bench() as found:
        yield found


class Cuts:
    """Cuts every WebSocket that is opened, soon after, but ever later: on a slow cluster some must come through."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made = 0
        opened = Api.socket

        async def recorded(api: Api, *words: Any) -> aiohttp.ClientWebSocketResponse:
            found = await opened(api, *words)
            asyncio.get_running_loop().call_later(0.3 + self.made / 20, self._cut, found)
            return found

        monkeypatch.setattr(Api, "socket", recorded)

    def _cut(self, web: aiohttp.ClientWebSocketResponse) -> None:
        wire = web.get_extra_info("socket")
        with contextlib.suppress(OSError):
            if wire is not None:
                wire.shutdown(socket.SHUT_RDWR)
                self.made += 1


async def test_what_is_printed_fed_and_asked_over_cut_connections_arrives_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    cuts = Cuts(monkeypatch)
    name, _first = await bench.boot("sleep 1000")
    printed = await bench.execute(name, COUNTS)
    assert await outputs(printed) == ("".join(f"line {n}\n" for n in range(LINES)), "")
    assert await printed.wait() == Exit(code=0)

    echo = await bench.execute(name, argv=["cat"])
    text = "0123456789abcdef" * 65_536
    feeding = asyncio.create_task(echo.write(text.encode()))
    feeding.add_done_callback(lambda _done: asyncio.ensure_future(echo.write_eof()))
    assert await outputs(echo) == (text, "")

    for _ in range(20):
        await bench.said(name, "echo once >>/once")
    assert await bench.said(name, "wc -l </once") == "20\n"
    assert cuts.made > 1
