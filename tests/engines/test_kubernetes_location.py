"""A location whose engine is a cluster: tutorials as they are, both nodes used, and what is killed leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit

import pytest

from tests.support import kubernetes_bench
from tests.support.cluster_locations import at_home, pids
from tests.support.eventually import eventually
from tests.support.image_files import LOGIN, PASSWORD, USER, copy, registry
from tests.support.kubernetes_bench import pushed
from tfnz_jupyter import Cluster, Location
from tfnz_jupyter.engines.kubernetes.labels import CONTAINER
from tfnz_jupyter.notebook.snapshots import of_container
from tfnz_jupyter.notebook.views import container_html
from tfnz_jupyter.notebook.views_snapshot import LogSnapshot

pytestmark = pytest.mark.cluster

ROOT = Path(__file__).parents[2]
TUTORIALS = ("01", "02", "04", "05")
NODES = {"tk-a", "tk-b"}
_ACCOUNTS_OWN = "kubernetes.io/service-account-token"
SPAWNS = """
import sys, time
from tfnz_jupyter import Location
with Location(location="kubernetes") as session:
    session.node().spawn_container("busybox", command="sleep 3600").wait_until_ready(timeout=60)
    print("ready", flush=True)
    time.sleep(3600)
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[kubernetes_bench.Cluster]:
    """A namespace, in which ``Location(location="kubernetes")`` has its containers, from a home of its own."""
    with at_home() as found:
        yield found


@pytest.fixture
def session(cluster: kubernetes_bench.Cluster) -> Iterator[Location]:
    """One with it."""
    with Location(location="kubernetes") as found:
        yield found


def containers(cluster: kubernetes_bench.Cluster) -> set[tuple[str, str]]:
    """Name and node of each container's Pod that is not on its way out."""
    metadata = [(pod["metadata"], pod["spec"]) for pod in cluster.items("pods")]
    return {
        (found["name"], spec.get("nodeName", ""))
        for found, spec in metadata
        if CONTAINER in found["labels"] and "deletionTimestamp" not in found
    }


@contextlib.contextmanager
def nodes_seen(cluster: kubernetes_bench.Cluster) -> Iterator[set[str]]:
    """The nodes on which containers were seen meanwhile."""
    found: set[str] = set()
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.2):
            found.update(node for _, node in containers(cluster) if node)

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    try:
        yield found
    finally:
        over.set()
        looking.join(10)


@pytest.mark.timeout(400)
def test_tutorials_pass_as_they_are_with_containers_on_both_nodes(
    cluster: kubernetes_bench.Cluster,
) -> None:
    files = [str(next((ROOT / "notebooks").glob(f"{number}-*.ipynb"))) for number in TUTORIALS]
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *files]
    with nodes_seen(cluster) as seen:
        ran = subprocess.run(
            command, cwd=ROOT, env=os.environ | {"TFNZ_LOCATION": "kubernetes"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert ran.returncode == 0, ran.stdout[-6000:]
    assert len(seen) > 1
    eventually(lambda: not containers(cluster), within=30)


def test_a_killed_program_leaves_no_pods(
    cluster: kubernetes_bench.Cluster, session: Location
) -> None:
    """On the location's own machine: at once. A Pod's end is the cluster's, and takes it a moment."""
    with subprocess.Popen([sys.executable, "-c", SPAWNS], stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == b"ready\n"
        assert len(containers(cluster)) == 1
        program.kill()
    eventually(lambda: not containers(cluster), within=20)


def test_a_killed_location_leaves_its_containers_to_the_next(
    cluster: kubernetes_bench.Cluster, session: Location
) -> None:
    command = "while read line; do echo got $line; done; exit 7"
    container = session.node().spawn_container("busybox", command=command)
    container.wait_until_ready(timeout=60)
    container.stdin(b"before\n")
    container.wait_log("got before", timeout=30)
    assert session.home is not None
    killed = pids()[session.home.runtime]
    os.kill(killed, signal.SIGKILL)
    container.stdin(b"after\n")
    container.wait_log("got after", timeout=60)
    assert container.logs() == b"got before\ngot after\n"
    assert container.run_process("echo still here")[0] == b"still here\n"
    assert pids()[session.home.runtime] != killed
    container.destroy()
    eventually(lambda: not containers(cluster), within=20)


def test_a_published_name_is_served_here_and_given_to_the_clusters_controller(
    cluster: kubernetes_bench.Cluster,
) -> None:
    """There is no controller here: what is looked at is what one would go by."""
    with Location(location="kubernetes", options={"ingress_class": "some"}) as session:
        web = session.node().spawn_container("busybox", command="httpd -f -p 80 -h /etc")
        web.wait_tcp(80, timeout=60)
        endpoint = session.endpoints["localhost"]
        endpoint.publish(Cluster(containers=[web]), "web.localhost")
        address = endpoint.url("web.localhost")
        page = subprocess.run(
            ["curl", "-sk", "--resolve", f"*:{urlsplit(address).port or 80}:127.0.0.1", f"{address}hostname"],
            capture_output=True, check=True,
        )  # fmt: skip
        assert page.stdout
        (ingress,) = cluster.items("ingresses")
        assert ingress["spec"]["rules"][0]["host"] == "web.localhost"
        (found,) = (one for one in cluster.items("endpoints") if "subsets" in one)
        assert found["subsets"][0]["addresses"] == [{"ip": web.ip}]
    eventually(lambda: not cluster.items("ingresses") and not cluster.items("services"), within=30)


def is_held(reference: str) -> bool:
    """Whether the cluster's registry has an image."""
    place, _, rest = reference.partition("/")
    repository, _, digest = rest.partition("@")
    url = f"http://{place}/v2/{repository}/manifests/{digest}"
    headers = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD", headers=headers)):
            return True
    except HTTPError as problem:
        if problem.code != 404:
            raise
        return False


def test_a_private_image_is_no_secret_of_the_clusters_and_leaves_its_registry_when_removed(
    cluster: kubernetes_bench.Cluster, session: Location, tmp_path: Path
) -> None:
    """Its login is for the location's pull alone: nodes pull what was pushed to the cluster's registry."""
    with registry(tmp_path / "closed", htpasswd=LOGIN) as host:
        reference, creds = f"{host}/app:1", f"{USER}:{PASSWORD}"
        origin = f"docker://{asyncio.run(pushed())}"
        copy(origin, f"docker://{reference}", "--src-tls-verify=false", "--dest-creds", creds)
        session.ensure_image_uploaded(reference, login=(USER, PASSWORD))
    container = session.node().spawn_container(reference, command="sleep 3600")
    container.wait_until_ready(timeout=60)
    pods = {pod["metadata"]["name"]: pod["spec"] for pod in cluster.items("pods")}
    image = next(pods[name]["containers"][0]["image"] for name, _node in containers(cluster))
    assert {one["type"] for one in cluster.items("secrets")} <= {_ACCOUNTS_OWN}
    container.destroy()
    assert is_held(image)
    session.remove_image(reference)
    assert not is_held(image)


@pytest.mark.timeout(300)
@pytest.mark.cluster_tool
def test_a_lost_node_is_told_and_one_that_comes_back_is_used_again(
    cluster: kubernetes_bench.Cluster, session: Location
) -> None:
    eventually(lambda: {node.name for node in session.nodes.values()} == NODES, within=60)
    by_name = {node.name: node for node in session.nodes.values()}
    told = threading.Event()
    lost, kept = (
        by_name[name].spawn_container("busybox", command="sleep 3600") for name in ("tk-b", "tk-a")
    )
    for container in (lost, kept):
        container.wait_until_ready(timeout=60)
    lost.termination_callback = lambda container, code: told.set() if code is None else None
    tool = os.environ["TFNZ_TEST_CLUSTER"]
    subprocess.run([tool, "stop", "tk-b"], check=True)
    try:
        assert told.wait(90)
        assert "tk-b" in lost.reason
        assert "tk-b" in container_html(
            of_container(lost), LogSnapshot(0, (), 0), 0.0
        )  # what its card shows
        assert [node.name for node in session.ranked_nodes()] == ["tk-a"]
        assert (
            session.node().spawn_container("busybox", command="exit 3").wait_exit(timeout=60) == 3
        )
        assert kept.run_process("echo here")[0] == b"here\n"
    finally:
        subprocess.run([tool, "start", "tk-b"], check=True)
    eventually(lambda: len(session.ranked_nodes()) == 2, within=120)
    again = next(node for node in session.nodes.values() if node.name == "tk-b")
    assert again.spawn_container("busybox", command="exit 4").wait_exit(timeout=90) == 4
