"""The contract on the embedded engine, as an ordinary user.

Run by root, this file's one test runs it again as such a user, made for that run alone and on the host of a world of its
own; there it is the contract, whose failures are then that test's output.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import ClassVar

import pytest
import pytest_asyncio

from tests.engines.contract import Contract
from tests.engines.embedded_isolation import Isolation
from tests.support import plain_user
from tests.support import world as places
from tests.support.bare_engine import Bench
from tests.support.eventually import eventually_async
from tests.support.world import world
from tfnz_jupyter.engines.embedded import EmbeddedEngine

ROOT = Path(__file__).parents[2]
AGAIN = os.environ.get("TFNZ_TESTS_AS") == plain_user.USER
_LIMITS = "only root can set them"
_ASK = """
alarm shift; socket(S, 2, 1, 0); connect(S, pack('SnC4x8', 2, 80, split(/\\./, shift))) or print($!), exit; print <S>
"""

if AGAIN:
    pytestmark = pytest.mark.asyncio(loop_scope="module")
    EmbeddedEngine.enter(Path(os.environ["HOME"], "run"))

    class Plain(Bench):
        """Without what only root can have."""

        cannot: ClassVar[dict[str, str]] = {
            "memory": _LIMITS,
            "cpus": _LIMITS,
            "pids": _LIMITS,
            "disk": "only root can mount one",
        }
        keeps_daemons_together = False

    @pytest_asyncio.fixture(scope="module", loop_scope="module")
    async def opened() -> AsyncIterator[Bench]:
        """One engine for all."""
        folder = Path(tempfile.mkdtemp(prefix="tfnz-", dir="/tmp"))
        found = Plain(folder)
        try:
            await found.open()
            yield found
        finally:
            await found.engine.close()
            shutil.rmtree(folder, ignore_errors=True)

    class TestEmbeddedPlain(Contract, Isolation):
        """Nothing is left out, but what is refused with its reason."""

        async def test_what_it_lacks_it_says(self, bench: Bench):
            told = "\n".join(bench.engine.degraded)
            for lacking in ("memory", "cpu", "pids", "only root can set them", "daemons"):
                assert lacking in told

        async def test_containers_reach_the_internet_and_not_the_host(self, bench: Bench):
            name, _ = await bench.boot("sleep 100")

            async def answer(address: str, patience: int = 30) -> str:
                argv = ["perl", "-e", _ASK, str(patience), address]
                return await bench.said(name, "", argv=argv)

            async def is_open() -> bool:
                return await answer(places.PUBLIC, 3) == "beyond"

            await eventually_async(is_open, within=30)
            for refused in (places.HOST, places.HOST_PUBLIC, places.METADATA[0], places.PRIVATE):
                assert await answer(refused) == "No route to host"

else:

    @pytest.mark.timeout(300)
    def test_the_contract_holds_for_an_ordinary_user():
        scratch = tempfile.mkdtemp(prefix="tfnz-", dir="/tmp")
        reachable = ":".join(map(str, (sys.base_prefix, sys.prefix, ROOT)))
        suite = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
        with world() as around, around.on_host():
            done = subprocess.run(
                [sys.executable, "-m", plain_user.__name__, scratch, reachable, *suite],
                cwd=ROOT,
                env=os.environ | {"TFNZ_TESTS_AS": plain_user.USER, "PYTHONDONTWRITEBYTECODE": "1"},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
        shutil.rmtree(scratch)
        assert done.returncode == 0, done.stdout
        assert "skipped" not in done.stdout
