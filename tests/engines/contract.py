"""What every engine does alike: one suite, run against each of them.

An engine's test module says ``class TestIts(Contract)`` and brings a fixture ``opened``: an open bench
(``tests/support/bench.py``) for the whole module. The parts are mixins, a file a noun: ``contract_<noun>.py``. A part's
tests take ``bench``, which fails a test that left something behind.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.engines.contract_beside import Beside
from tests.engines.contract_containment import Containment
from tests.engines.contract_dialling import Dialling
from tests.engines.contract_files import FileAccess
from tests.engines.contract_killing import Killing
from tests.engines.contract_lifecycle import Lifecycle
from tests.engines.contract_network import Network
from tests.engines.contract_processes import Processes
from tests.engines.contract_reboots import Reboots
from tests.engines.contract_sleepers import Sleepers
from tests.engines.contract_storms import Storms
from tests.engines.contract_terminals import Terminals
from tests.engines.contract_tunnels import Tunnels
from tests.engines.contract_usage import Measured
from tests.engines.contract_volumes import Volumes
from tests.support.bench import Bench
from tests.support.eventually import eventually_async


class Contract(
    Beside,
    Containment,
    Dialling,
    FileAccess,
    Killing,
    Lifecycle,
    Measured,
    Network,
    Processes,
    Reboots,
    Sleepers,
    Storms,
    Terminals,
    Tunnels,
    Volumes,
):
    """All parts."""

    @pytest_asyncio.fixture(loop_scope="module")
    async def bench(self, opened: Bench) -> AsyncIterator[Bench]:
        """The module's engine, as empty as it was."""
        before = await opened.settled()
        yield opened
        await opened.clear()
        await eventually_async(lambda: opened.leftovers() == before, within=max(5, opened.soon))
