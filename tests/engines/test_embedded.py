"""The contract on the embedded engine, as root."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.engines.contract import Contract
from tests.engines.embedded_isolation import Isolation
from tests.support.bare_engine import Bench, bench

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened() -> AsyncIterator[Bench]:
    """One engine for all; its folder's path is short, for the sake of unix sockets."""
    folder = Path(tempfile.mkdtemp(prefix="tfnz-", dir="/tmp"))
    try:
        async with bench(folder) as found:
            yield found
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class TestEmbedded(Contract, Isolation):
    """Nothing is left out."""
