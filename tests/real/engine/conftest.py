"""One engine for each test: what a test leaves behind is its own, and fails it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support import world as places
from tests.support.bare_engine import Bench, bench
from tests.support.eventually import eventually_async
from tests.support.leaks import footprint, nothing
from tests.support.world import World, world

_ASK = f"""
alarm 3; socket(S, 2, 1, 0); connect S, pack('SnC4x8', 2, {places.PORT}, {places.PUBLIC.replace(".", ",")}); print <S>
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short, for the sake of unix sockets."""
    found = Path(tempfile.mkdtemp(prefix="tfnz-", dir="/tmp"))
    yield found
    shutil.rmtree(found, ignore_errors=True)


@pytest.fixture
async def tiny(folder: Path) -> AsyncIterator[Bench]:
    async with bench(folder) as found:
        yield found
    assert nothing(footprint(found.state)), footprint(found.state)


@pytest.fixture(scope="module")
def around() -> Iterator[World]:
    """A world for a module's tests; this process is on its host meanwhile, and so is whatever it starts."""
    with world() as made, made.on_host():
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def walled(around: World) -> AsyncIterator[Bench]:
    """An engine on that host, with its way out open."""
    folder = Path(tempfile.mkdtemp(prefix="tfnz-", dir="/tmp"))
    try:
        async with bench(folder) as found:
            name, _ = await found.boot("sleep 1000")

            async def is_open() -> bool:
                return "beyond" in await found.said(name, "", argv=["perl", "-e", _ASK])

            await eventually_async(is_open, within=30)
            yield found
    finally:
        shutil.rmtree(folder, ignore_errors=True)
