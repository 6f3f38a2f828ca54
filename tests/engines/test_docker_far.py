"""A Docker whose processes are another machine's: what can be done there all the same, and what cannot."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.engines.contract import Contract
from tests.engines.contract_killing import Killing
from tests.support import docker_bench
from tests.support.bench import outputs
from tests.support.docker_bench import Bench, folder
from tfnz_jupyter.engines.base import Terminal
from tfnz_jupyter.errors import EngineFailed, NotSupported, UsageError

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(shutil.which("dockerd") is None, reason=docker_bench.LACKING),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened() -> AsyncIterator[Bench]:
    """One engine for all."""
    with docker_bench.apart(), docker_bench.dockerd_elsewhere() as docker, folder() as place:
        async with docker_bench.bench(place, docker) as found:
            yield found


class TestFar(Killing):
    """Signals to processes beside the first; and what they look like from the start."""

    bench = Contract.bench

    async def test_what_cannot_be_done_is_told(self, bench: Bench):
        assert any("another machine" in why for why in bench.engine.degraded)
        name, _ = await bench.boot("sleep 1000")
        with pytest.raises(NotSupported, match="another machine"):
            bench.engine.files(name)
        with pytest.raises(NotSupported, match="another machine"):
            bench.engine.workshop(bench.nodes[0].id)

    async def test_its_output_begins_with_its_own(self, bench: Bench):
        name, _ = await bench.boot("sleep 1000")
        process = await bench.execute(name, "echo bad >&2; echo 1; echo 2; exit 3")
        assert await outputs(process) == ("1\n2\n", "bad\n")
        assert (await process.wait()).code == 3
        assert await bench.said(name, "") == ""
        typed = await bench.execute(name, "stty size", terminal=Terminal(120, 40))
        assert (await outputs(typed))[0] == "40 120\r\n"

    async def test_what_does_not_start_says_why(self, bench: Bench):
        name, _ = await bench.boot("sleep 1000")
        with pytest.raises(EngineFailed, match="no such command 'nowhere'"):
            await bench.execute(name, argv=("nowhere",))
        with pytest.raises(UsageError, match="no user 'nobody-here'"):
            await bench.execute(name, "true", user="nobody-here")
