"""The contract on a dockerd that is started here, and what only hosts of Docker's can do or suffer."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.engines.contract import Contract
from tests.support import docker_bench
from tests.support.docker_bench import Bench, Dockerd

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(shutil.which("dockerd") is None, reason=docker_bench.LACKING),
]


@pytest.fixture(scope="module")
def docker() -> Iterator[Dockerd]:
    """This thread is in its network for as long as the module runs."""
    with docker_bench.apart(), docker_bench.dockerd() as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened(docker: Dockerd) -> AsyncIterator[Bench]:
    """One engine for all."""
    folder = Path(tempfile.mkdtemp(prefix="tfnz-", dir="/tmp"))
    try:
        async with docker_bench.bench(folder, docker) as found:
            yield found
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class TestDocker(Contract):
    """What it cannot do, it says."""
