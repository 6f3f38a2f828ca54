"""A location that runs in the cluster it serves, from the manifest that is shipped, and people of a hub who use it.

There is no kube-proxy in the tests' cluster: what its Service would do a proxy here does, and Pods are told where the API
server is. Its disks are host paths, which know no fsGroup, so that an init container hands over the claim.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import location_image, tinyimage
from tests.support.eventually import eventually
from tests.support.image_files import make_layout
from tests.support.kubernetes_bench import Cluster, namespace_of_its_own
from tests.support.proxy import Proxy, proxy
from tfnz_jupyter import Location
from tfnz_jupyter.blocking import block
from tfnz_jupyter.engines.kubernetes import shipped, streams
from tfnz_jupyter.engines.kubernetes.api import Api
from tfnz_jupyter.engines.kubernetes.credentials import loader
from tfnz_jupyter.engines.kubernetes.labels import CONTAINER, LOCATION_POD, ROLE
from tfnz_jupyter.sdk import accounts

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(400)]

PORT = 2020
ACCOUNT = "tfnz"
ECHOES = "while read line; do echo got $line; done; exit 7"
HOME = {"name": "home", "mountPath": "/var/lib/tfnz"}


@dataclass(frozen=True)
class Deployed:
    """A location that runs in a Pod of ``cluster``; who dials ``service`` reaches it."""

    cluster: Cluster
    service: Proxy

    def pod(self) -> Any:
        """The Pod that is ready to serve; None while there is none."""
        for pod in self.cluster.items("pods"):
            named = LOCATION_POD.items() <= pod["metadata"]["labels"].items()
            if named and "deletionTimestamp" not in pod["metadata"] and _is_ready(pod):
                return pod
        return None

    def serve(self) -> str:
        """Wait for it, and lead the service there; the Pod's name."""
        pod = eventually(self.pod, within=180)
        self.service.host = pod["status"]["podIP"]
        return str(pod["metadata"]["name"])

    def tfnz(self, *words: str) -> tuple[int, str]:
        """What the operator's command prints in the Pod, and its exit code: ``kubectl exec``."""
        path = f"/api/v1/namespaces/{self.cluster.namespace}/pods/{self.pod()['metadata']['name']}"

        async def ran() -> tuple[int, str]:
            api = Api(loader(Path("/tmp")))
            try:
                return await streams.run(api, path, "location", ["tfnz", *words])
            finally:
                await api.close()

        return asyncio.run(ran())

    def containers(self) -> dict[str, str]:
        """Each container's Pod that is not on its way out: its name, and the Pod's own id."""
        every = [pod["metadata"] for pod in self.cluster.items("pods")]
        found = [one for one in every if CONTAINER in one["labels"]]
        return {one["name"]: one["uid"] for one in found if "deletionTimestamp" not in one}


def _is_ready(pod: Any) -> bool:
    conditions = {one["type"]: one["status"] for one in pod["status"].get("conditions", ())}
    return conditions.get("Ready") == "True"


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """The folders of who uses it."""
    folder = Path(tempfile.mkdtemp(prefix="tfnz-", dir="/tmp"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TFNZ_HOME", str(folder))
        yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def deployed(home: Path) -> Iterator[Deployed]:
    """It runs, with the rights of the manifest and no others."""
    image = asyncio.run(location_image.pushed(home / "made"))
    with namespace_of_its_own() as cluster, proxy(PORT) as service:
        rights = shipped.text("rights", namespace=cluster.namespace, account=ACCOUNT)
        location = _manifest(cluster.namespace, image, f"127.0.0.1:{service.port}")
        with cluster.applied(rights), cluster.applied(location):
            found = Deployed(cluster, service)
            found.serve()
            yield found


def _manifest(namespace: str, image: str, address: str) -> str:
    """What is shipped, with what this cluster lacks."""
    registry = f"http://{os.environ['TFNZ_TEST_REGISTRY']}"
    text = shipped.text(
        "location", namespace=namespace, image=image, options=["--registry", registry]
    )
    documents = list(yaml.safe_load_all(text.replace(f"tfnz-location.{namespace}:{PORT}", address)))
    pod = next(one for one in documents if one["kind"] == "Deployment")["spec"]["template"]["spec"]
    server = {"KUBERNETES_SERVICE_HOST": "10.250.0.1", "KUBERNETES_SERVICE_PORT": "16443"}
    pod["containers"][0]["env"] += [{"name": k, "value": v} for k, v in server.items()]
    hands_over = {
        "name": "fsgroup", "image": image, "command": ["/bin/busybox", "chown", "2020", "/var/lib/tfnz"],
        "securityContext": {"runAsUser": 0, "runAsNonRoot": False}, "volumeMounts": [HOME],
    }  # fmt: skip
    pod["initContainers"] = [hands_over]
    return yaml.safe_dump_all(documents)


@pytest.fixture(scope="module")
def ada(deployed: Deployed) -> str:
    """The name under which somebody has joined it who was invited."""
    code, said = deployed.tfnz("invite", "ada")
    assert code == 0, said
    block(accounts.join(re.search(r"tfnz1-\S+", said)[0], "hub"))
    return "hub"


@pytest.fixture(scope="module")
def image(home: Path) -> str:
    """One on the user's own machine, which no node could fetch."""
    run = {"Cmd": ["/bin/sh"], "Env": [f"PATH={tinyimage.PATH}"]}
    return str(make_layout(home / "tiny", tinyimage.tar(), run=run))


def test_who_was_invited_has_containers_from_it_and_leaves_none(
    deployed: Deployed, ada: str, image: str
) -> None:
    with Location(location=ada) as session:
        script = "mkdir /w; echo served >/w/page; exec httpd -f -p 80 -h /w"
        container = session.node().spawn_container(image, command=script)
        assert (
            container.run_process(
                "echo in $(cat /w/page)",
            )[0]
            == b"in served\n"
        )
        container.wait_http_200(path="page", timeout=60)
        assert list(deployed.containers()) == [container.uuid]
    eventually(lambda: not deployed.containers(), within=30)
    roles = {pod["metadata"]["labels"].get(ROLE) for pod in deployed.cluster.items("pods")}
    assert roles <= {None, "lease", "probe"}


def test_the_doctor_in_its_pod_finds_every_right_and_the_registry(deployed: Deployed) -> None:
    code, said = deployed.tfnz("doctor", "kubernetes")
    assert code == 0, said
    assert "MISSING" not in said
    assert f"all that a location needs in namespace {deployed.cluster.namespace}" in said
    assert f"{os.environ['TFNZ_TEST_REGISTRY']} answers" in said
    assert "not running" not in said


def test_when_its_pod_goes_the_next_has_its_sessions_and_their_containers(
    deployed: Deployed, ada: str, image: str
) -> None:
    with Location(location=ada) as session:
        container = session.node().spawn_container(image, command=ECHOES)
        container.stdin(b"before\n")
        container.wait_log("got before", timeout=60)
        before, pod = deployed.containers(), deployed.serve()
        path = f"/api/v1/namespaces/{deployed.cluster.namespace}/pods/{pod}"
        deployed.cluster.ask("DELETE", path)
        container.stdin(b"after\n")
        assert deployed.serve() != pod
        container.wait_log("got after", timeout=60)
        assert container.logs() == b"got before\ngot after\n"
        assert deployed.containers() == before
        container.stdin_eof()
        assert container.wait_exit(timeout=30) == 7


def test_without_a_next_one_the_cluster_collects_all_once_the_lease_is_over(
    deployed: Deployed, ada: str, image: str
) -> None:
    """The lease's Pod is ended here as the cluster ends it at the deadline, ten minutes later."""
    cluster = deployed.cluster
    session = Location(location=ada)
    session.node().spawn_container(image, command=ECHOES).wait_until_ready(timeout=60)
    cluster.ask("DELETE", f"/apis/apps/v1/namespaces/{cluster.namespace}/deployments/tfnz-location")
    eventually(lambda: deployed.pod() is None, within=60)
    assert deployed.containers()
    for lease in [
        one for one in cluster.items("jobs") if one["metadata"]["labels"][ROLE] == "lease"
    ]:
        cluster.ask("DELETE", f"/apis/batch/v1/namespaces/{cluster.namespace}/jobs/{lease['metadata']['name']}",
                    {"propagationPolicy": "Background"})  # fmt: skip
    eventually(lambda: not any(cluster.footprint().values()), within=60)
    session.disconnect()
