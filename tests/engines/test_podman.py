"""Podman speaks as Docker does: where it might not quite, the contract on its service."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.engines.contract import Contract
from tests.engines.contract_network import Network
from tests.engines.contract_sleepers import Sleepers
from tests.support import docker_bench
from tests.support.docker_bench import Bench

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(shutil.which("podman") is None, reason="no podman; apt-get install podman"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened() -> AsyncIterator[Bench]:
    """One engine for all."""
    folder = Path(tempfile.mkdtemp(prefix="tfnz-", dir="/tmp"))
    try:
        with docker_bench.apart(), docker_bench.podman() as service:
            async with docker_bench.bench(folder, service) as found:
                yield found
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class TestPodman(Network, Sleepers):
    """Streams, codes, addresses, openings, and commands that wait."""

    bench = Contract.bench
