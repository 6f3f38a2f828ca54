"""What a location that is killed leaves in a cluster: to the next one its containers, and without one nothing at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support import bare_engine
from tests.support.abandon import SCRIPT, abandoned, taking_over
from tests.support.eventually import eventually_async
from tests.support.kubernetes_bench import Bench, Cluster, namespace, outputs, read_until
from tfnz_jupyter.engines.base import ContainerSpec, Survivor, Taken
from tfnz_jupyter.errors import ContainerEnded

pytestmark = pytest.mark.cluster


@pytest_asyncio.fixture
async def cluster() -> AsyncIterator[Cluster]:
    """A namespace of the test's own."""
    async with namespace() as found:
        yield found


async def killed(
    folder: Path, cluster: Cluster, script: str = SCRIPT, deadline: float = 600
) -> tuple[ContainerSpec, str, bytes]:
    """As :func:`abandoned`, in the cluster."""
    return await abandoned(folder, script, (cluster.namespace, str(deadline)))


@asynccontextmanager
async def next_location(
    folder: Path, cluster: Cluster, *known: ContainerSpec
) -> AsyncIterator[tuple[Bench, dict[str, Survivor]]]:
    """The bench of the next location, and what survived for it; when it has closed, nothing is left."""
    bench = Bench(folder, cluster)
    async with taking_over(bench, known) as found:
        yield bench, found
    await eventually_async(lambda: not any(cluster.footprint().values()), within=20)


async def test_a_pod_goes_on_with_its_pipes_and_its_processes(tmp_path: Path, cluster: Cluster):
    spec, ip, taken = await killed(tmp_path, cluster)
    async with next_location(tmp_path, cluster, spec) as (_bench, found):
        survivor = found[spec.id]
        assert survivor.booted.ip == ip
        assert survivor.booted.process.taken == Taken(len(taken), taken.count(b"\n"))
        await survivor.booted.process.write(b"on\n")
        await read_until(survivor.booted.process, b"got on")
        more = survivor.processes["more"]
        await more.write(b"too\n")
        assert await outputs(more) == ("more too\n", "")
        assert (await more.wait()).code == 7


async def test_what_it_printed_and_how_it_ended_meanwhile_is_there(
    tmp_path: Path, cluster: Cluster
):
    spec, _ip, _taken = await killed(tmp_path, cluster, "echo begun; sleep 1; echo late; exit 9")
    async with next_location(tmp_path, cluster, spec) as (bench, found):
        process = found[spec.id].booted.process
        assert (await outputs(process))[0].endswith("late\n")
        assert (await process.wait()).code == 9
        await eventually_async(lambda: not bench.leftovers()["pods"], within=30)


async def test_a_pod_that_nobody_wants_any_more_is_ended(tmp_path: Path, cluster: Cluster):
    spec, *_ = await killed(tmp_path, cluster)
    async with next_location(tmp_path, cluster) as (_bench, found):
        assert found == {}
        assert spec.id not in cluster.footprint()["pods"]


async def test_a_location_that_never_comes_back_leaves_nothing_after_the_deadline(
    tmp_path: Path, cluster: Cluster
):
    """Pods, policies and the lease itself: the cluster's own controllers remove them."""
    spec, *_ = await killed(tmp_path, cluster, deadline=6)
    assert spec.id in cluster.footprint()["pods"]
    await eventually_async(lambda: not any(cluster.footprint().values()), within=60)


async def test_a_pod_that_somebody_deletes_ends_with_that_reason(tmp_path: Path, cluster: Cluster):
    async with next_location(tmp_path, cluster) as (bench, _found):
        bench.image = bare_engine.image(bench.blobs)
        await bench.engine.install(bench.image, bench.blobs, lambda _progress: None)
        name, process = await bench.boot("echo up; sleep 1000")
        await read_until(process, b"up")
        cluster.ask("DELETE", f"/api/v1/namespaces/{cluster.namespace}/pods/{name}")
        how = await asyncio.wait_for(process.wait(), 30)
        assert how.returncode is None
        assert "its Pod was deleted" in how.reason
        with pytest.raises(ContainerEnded):
            await bench.execute(name, "true")
