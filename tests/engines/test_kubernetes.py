"""The contract on the Kubernetes engine, on a real cluster."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.engines.contract import Contract
from tests.support import kubernetes_bench
from tests.support.kubernetes_bench import Bench

pytestmark = [pytest.mark.cluster, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened() -> AsyncIterator[Bench]:
    """One engine for all."""
    async with kubernetes_bench.bench() as found:
        yield found


class TestKubernetes(Contract):
    """Nothing is left out, but what is refused with its reason."""
