"""Snapshots of volumes where the storage class has them: the cluster's own, on a real one with a driver of the tests' own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.engines.contract_volumes import box, volume
from tests.support.kubernetes_bench import Bench, namespace
from tests.support.snapshot_driver import Driver, driver
from tfnz_jupyter.engines.kubernetes import snapshots
from tfnz_jupyter.errors import EngineFailed

pytestmark = [pytest.mark.cluster, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def both() -> AsyncIterator[tuple[Bench, Driver]]:
    """An engine whose volumes are of a class with snapshots, and the driver of that."""
    folder = Path(tempfile.mkdtemp(prefix="tfnz-", dir="/tmp"))
    try:
        async with namespace() as cluster:
            with driver(cluster) as found:
                bench = Bench(folder, cluster, {"storage_class": (found.name,)})
                try:
                    await bench.open()
                    yield bench, found
                    await bench.clear()
                finally:
                    await bench.engine.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def test_a_snapshot_is_the_clusters_own_and_comes_back_under_live_mounts(
    both: tuple[Bench, Driver],
) -> None:
    bench, found = both
    kept = await volume(bench)
    name = await box(bench, (kept, "/data"))
    await bench.said(name, "echo before >/data/f; chown 1000:1000 /data/f")
    await bench.engine.volumes.snapshot(kept, "good")
    (one,) = found.snapshots.values()
    assert one["spec"]["source"]["persistentVolumeClaimName"] == f"tfnz-{kept}"
    await bench.said(name, "echo after >/data/f; touch /data/new")
    await bench.engine.volumes.rollback(kept, "good")
    assert await bench.said(name, "cat /data/*; stat -c %u:%g /data/f") == "before\n1000:1000\n"
    assert len(bench.cluster.items("claims")) == 1
    await bench.clear()
    assert not found.snapshots  # they go with their volume


async def test_a_snapshot_of_the_same_label_takes_the_formers_place(
    both: tuple[Bench, Driver],
) -> None:
    bench, found = both
    kept = await volume(bench)
    for word in ("first", "second"):
        await bench.run(f"echo {word} >/data/f", volumes=((kept, "/data"),))
        await bench.engine.volumes.snapshot(kept, "same")
    assert len(found.snapshots) == 1
    await bench.engine.volumes.rollback(kept, "same")
    assert (await bench.run("cat /data/f", volumes=((kept, "/data"),)))[0] == "second\n"
    assert await bench.engine.volumes.snapshots(kept) == ["", "same"]
    await bench.clear()


async def test_a_driver_that_fails_is_quoted_and_leaves_nothing(
    both: tuple[Bench, Driver], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, found = both
    monkeypatch.setattr(snapshots, "_HOPE", 0.1)
    kept = await volume(bench)
    found.failing = "the disk is on fire"
    with pytest.raises(EngineFailed, match="the disk is on fire"):
        await bench.engine.volumes.snapshot(kept, "never")
    found.failing = ""
    assert await bench.engine.volumes.snapshots(kept) == [""]
    assert not found.snapshots
