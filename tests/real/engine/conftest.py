"""One engine for each test: what a test leaves behind is its own, and fails it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.bare_engine import Bench, bench
from tests.support.leaks import footprint, nothing


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
