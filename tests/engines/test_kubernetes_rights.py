"""The manifest grants what a location needs: with its rights one works; those that are missing the doctor names."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cluster_locations import end_locations
from tests.support.eventually import eventually
from tests.support.kubernetes_bench import Cluster, namespace_of_its_own
from tfnz_jupyter import Location
from tfnz_jupyter.doctor import Report, examine
from tfnz_jupyter.engines.kubernetes import shipped
from tfnz_jupyter.engines.kubernetes.enforcement import UNKNOWN
from tfnz_jupyter.engines.kubernetes.nodes import RESERVED
from tfnz_jupyter.homes import Home

pytestmark = pytest.mark.cluster

ACCOUNT = "tfnz"


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with namespace_of_its_own() as found:
        yield found


@pytest.fixture
def options(cluster: Cluster, tmp_path: Path) -> dict[str, str]:
    """What a location is told that is to be a service account without any right."""
    registry = f"http://{os.environ['TFNZ_TEST_REGISTRY']}"
    kubeconfig = cluster.kubeconfig(ACCOUNT, tmp_path)
    return {"kubeconfig": kubeconfig, "namespace": cluster.namespace, "registry": registry}


@pytest.fixture
def granted(cluster: Cluster) -> Iterator[None]:
    """The manifest is applied."""
    with cluster.applied(shipped.text("rights", namespace=cluster.namespace, account=ACCOUNT)):
        yield


def looked_at(options: dict[str, str]) -> Report:
    return examine(home=Home.of("kubernetes", options.items()))


def test_the_doctor_names_every_right_that_is_missing(options: dict[str, str]) -> None:
    found = {check.name: check for check in looked_at(options).checks}
    assert found["right: pods"].state == "missing"
    assert "create" in found["right: pods"].why
    assert "right: nodes" in found
    assert "tfnz manifest rights" in looked_at(options).as_text()


def test_with_the_rights_of_the_manifest_a_location_works(
    granted: None, options: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert looked_at(options).works
    with tempfile.TemporaryDirectory(
        prefix="tfnz-", dir="/tmp", ignore_cleanup_errors=True
    ) as home:
        monkeypatch.setenv("TFNZ_HOME", home)
        with Location(location="kubernetes", options=options) as session:
            eventually(
                lambda: UNKNOWN not in session.degraded, within=120
            )  # the first session hears it, too
            assert RESERVED in session.degraded
            volume = session.create_volume()
            container = session.node().spawn_container(
                "busybox", command="sleep 3600", volumes=[(volume, "/data")]
            )
            assert container.run_process("echo kept >/data/f; cat /data/f")[0] == b"kept\n"
            volume.snapshot()
            container.destroy()
            session.destroy_volume(volume)
        end_locations()
