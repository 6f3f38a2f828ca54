"""The contract on the Kubernetes engine, on a real cluster."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.engines.contract import Contract
from tests.support.kubernetes_bench import Bench, namespace

pytestmark = [pytest.mark.cluster, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened() -> AsyncIterator[Bench]:
    """One engine for all."""
    folder = Path(tempfile.mkdtemp(prefix="tfnz-", dir="/tmp"))
    try:
        async with namespace() as cluster:
            bench = Bench(folder, cluster)
            try:
                await bench.open()
                yield bench
            finally:
                await bench.engine.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class TestKubernetes(Contract):
    """Nothing is left out, but what is refused with its reason."""
