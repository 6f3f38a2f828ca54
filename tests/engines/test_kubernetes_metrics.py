"""Nodes are ranked by the metrics API, asked over a real API server; one that is down for a while is done without meanwhile."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.eventually import eventually_async
from tests.support.kubernetes_bench import Cluster, namespace
from tests.support.metrics import Metrics, metrics_api
from tfnz_jupyter.doctor import cluster as doctor
from tfnz_jupyter.engines.base import NodeInfo, NodeStats
from tfnz_jupyter.engines.kubernetes import KubernetesEngine, shipped
from tfnz_jupyter.engines.kubernetes.nodes import RESERVED
from tfnz_jupyter.engines.options import Options

pytestmark = [pytest.mark.cluster, pytest.mark.asyncio(loop_scope="module")]


class Seen:
    """What an engine says of its nodes."""

    def __init__(self, engine: KubernetesEngine) -> None:
        self.engine = engine
        self._nodes: dict[str, NodeStats] = {}

    def take(self, nodes: tuple[NodeInfo, ...]) -> None:
        self._nodes = {node.name: node.stats for node in nodes}

    def used(self, node: str) -> tuple[int, int]:
        """Thousandths of a core, and MiB up to one more."""
        stats = self._nodes[node]
        return stats.cpu_total - stats.cpu, stats.memory_total - stats.memory


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster() -> AsyncIterator[Cluster]:
    async with namespace() as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def metrics(cluster: Cluster) -> AsyncIterator[Metrics]:
    """The cluster has a metrics API that says what tests say."""
    with tempfile.TemporaryDirectory() as folder, metrics_api(cluster, Path(folder)) as found:
        for node in cluster.ask("GET", "/api/v1/nodes")["items"]:
            found.usage[node["metadata"]["name"]] = {"cpu": "0", "memory": "0"}
        yield found


@pytest.fixture(scope="module")
def options(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Options]:
    """What an engine is told that has the rights of the manifest, and no others."""
    kubeconfig = cluster.kubeconfig("tfnz", tmp_path_factory.mktemp("account"))
    with cluster.applied(shipped.text("rights", namespace=cluster.namespace, account="tfnz")):
        yield {"kubeconfig": (kubeconfig,), "namespace": (cluster.namespace,)}


@pytest_asyncio.fixture(loop_scope="module")
async def seen(cluster: Cluster, metrics: Metrics, options: Options) -> AsyncIterator[Seen]:
    """An engine is open."""
    with tempfile.TemporaryDirectory(prefix="tfnz-", dir="/tmp") as folder:
        engine = KubernetesEngine(Path(folder) / "state", Path(folder), options)
        found = Seen(engine)
        try:
            await engine.open(found.take)
            yield found
        finally:
            await engine.close()


async def test_what_nodes_use_is_what_the_metrics_api_says(seen: Seen, metrics: Metrics) -> None:
    assert RESERVED not in seen.engine.degraded
    busy, *idle = sorted(metrics.usage)
    metrics.usage[busy] = {"cpu": "1250000u", "memory": "262144Ki"}
    await eventually_async(lambda: seen.used(busy) == (1250, 256), within=20)
    assert {seen.used(node) for node in idle} == {(0, 0)}


async def test_while_it_is_down_nodes_are_ranked_by_what_is_reserved(
    seen: Seen, metrics: Metrics
) -> None:
    node = min(metrics.usage)
    metrics.usage[node] = {"cpu": "1777m", "memory": "1Gi"}
    await eventually_async(lambda: seen.used(node) == (1777, 1024), within=20)
    metrics.down = True
    await eventually_async(lambda: RESERVED in seen.engine.degraded, within=60)
    assert seen.used(node) != (1777, 1024)
    metrics.down = False
    await eventually_async(lambda: seen.used(node) == (1777, 1024), within=20)
    assert RESERVED not in seen.engine.degraded


async def test_the_doctor_finds_it(metrics: Metrics, options: Options) -> None:
    found = await doctor.look(options)
    assert ("statistics", "ok") in [(check.name, check.state) for check in found]
