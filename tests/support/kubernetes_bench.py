"""The Kubernetes engine driven directly, on a real cluster, in a namespace of its own.

``KUBECONFIG`` says which cluster, ``TFNZ_TEST_REGISTRY`` where images are that its nodes pull.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import tempfile
import urllib.request
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, ClassVar
from urllib.error import HTTPError
from urllib.parse import urlsplit

import yaml

from tests.support import bare_engine
from tests.support import bench as general
from tests.support.bench import outputs, read_until
from tests.support.eventually import eventually_async
from tfnz_jupyter.engines.kubernetes import KubernetesEngine
from tfnz_jupyter.engines.kubernetes.credentials import Access, loader
from tfnz_jupyter.engines.kubernetes.enforcement import OPEN, UNKNOWN
from tfnz_jupyter.engines.kubernetes.labels import LOCATION, ROLE
from tfnz_jupyter.engines.kubernetes.registry import Registry
from tfnz_jupyter.engines.options import Options

__all__ = ["Bench", "Cluster", "found", "namespace", "outputs", "read_until"]

#: Where what we make is listed, by kind.
KINDS = {
    "pods": "/api/v1/namespaces/{}/pods",
    "claims": "/api/v1/namespaces/{}/persistentvolumeclaims",
    "secrets": "/api/v1/namespaces/{}/secrets",
    "maps": "/api/v1/namespaces/{}/configmaps",
    "jobs": "/apis/batch/v1/namespaces/{}/jobs",
    "policies": "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies",
    "services": "/api/v1/namespaces/{}/services",
    "endpoints": "/api/v1/namespaces/{}/endpoints",
    "ingresses": "/apis/networking.k8s.io/v1/namespaces/{}/ingresses",
}


#: Where what manifests make is made, by what they call it.
PLACES = {
    "Role": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/roles",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "PersistentVolumeClaim": "/api/v1/namespaces/{}/persistentvolumeclaims",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "Service": "/api/v1/namespaces/{}/services",
}


class Cluster:
    """One namespace of the cluster, seen without the engine; requests block."""

    def __init__(self, access: Access, namespace: str) -> None:
        self._access, self.namespace = access, namespace

    @property
    def addresses(self) -> set[str]:
        """Of its API server and its registry."""
        registry = os.environ["TFNZ_TEST_REGISTRY"]
        return {str(urlsplit(self._access.server).hostname), registry.rpartition(":")[0]}

    @property
    def server(self) -> str:
        """The address of its API server."""
        return self._access.server

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """What the API server answers to a request."""
        request = urllib.request.Request(
            self._access.server + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": self._access.authorization,
                "Content-Type": "application/json",
            },
        )
        with urllib.request.urlopen(request, context=self._access.tls) as answer:
            return json.load(answer)

    @contextmanager
    def applied(self, manifests: str) -> Iterator[None]:
        """What manifests make is there; what they made for the whole cluster is taken back at the end."""
        made = []
        try:
            for document in yaml.safe_load_all(manifests):
                path = PLACES[document["kind"]].format(self.namespace)
                try:
                    self.ask("POST", path, document)
                except HTTPError as problem:
                    if problem.code != 409:  # that of another namespace serves as well
                        raise
                else:
                    made.append(f"{path}/{document['metadata']['name']}")
            yield
        finally:
            for path in made:
                if self.namespace not in path.split("/"):
                    self.ask("DELETE", path)

    def kubeconfig(self, account: str, folder: Path) -> str:
        """A file by which one is a service account of the namespace, which is made; it has no right of its own."""
        accounts = f"/api/v1/namespaces/{self.namespace}/serviceaccounts"
        self.ask("POST", accounts, {"metadata": {"name": account}})
        answer = self.ask("POST", f"{accounts}/{account}/token", {"spec": {}})
        config = yaml.safe_load(Path(os.environ["KUBECONFIG"].split(":")[0]).read_text())
        for user in config["users"]:
            user["user"] = {"token": answer["status"]["token"]}
        file = folder / "kubeconfig"
        file.write_text(yaml.safe_dump(config))
        return str(file)

    def items(self, kind: str) -> list[Any]:
        """The objects of a kind."""
        found: list[Any] = self.ask("GET", KINDS[kind].format(self.namespace))["items"]
        return found

    def footprint(self, but: Collection[str] = ()) -> dict[str, set[str]]:
        """The names of what carries a location's label, by kind; ``but``: of these roles."""
        found: dict[str, set[str]] = {kind: set() for kind in KINDS}
        for kind in KINDS:
            for one in (item["metadata"] for item in self.items(kind)):
                labels = one.get("labels", {})
                if LOCATION in labels and labels.get(ROLE) not in but:
                    found[kind].add(one["name"])
        return found


async def found(namespace: str) -> Cluster:
    """A namespace that is there, or will be."""
    return Cluster(await loader(Path("/tmp"))(), namespace)


@asynccontextmanager
async def namespace() -> AsyncIterator[Cluster]:
    """A namespace of its own, removed at the end."""
    with _made(await found(_name())) as cluster:
        yield cluster


@contextmanager
def namespace_of_its_own() -> Iterator[Cluster]:
    """The same, where no loop runs."""
    with _made(asyncio.run(found(_name()))) as cluster:
        yield cluster


def _name() -> str:
    return f"tfnz-test-{secrets.token_hex(4)}"


@contextmanager
def _made(cluster: Cluster) -> Iterator[Cluster]:
    cluster.ask("POST", "/api/v1/namespaces", {"metadata": {"name": cluster.namespace}})
    try:
        yield cluster
    finally:
        cluster.ask("DELETE", f"/api/v1/namespaces/{cluster.namespace}")


async def pushed() -> str:
    """The tiny image as the cluster's registry has it."""
    registry = Registry.parse(f"http://{os.environ['TFNZ_TEST_REGISTRY']}")
    image = bare_engine.image(blobs := bare_engine.store())
    await registry.push(image, blobs, lambda _progress: None)
    return registry.reference(image)


class Bench(general.Bench):
    """An open Kubernetes engine with the tiny image pushed."""

    cannot: ClassVar[dict[str, str]] = {
        "pids": "pids",
        "disk": "disk",
    }

    cuts = False
    exchanges_volumes = False
    keeps_daemons_together = False
    many = 16
    soon = 10
    quick = 10

    @property
    def keeps_apart(self) -> bool:
        return OPEN not in self.engine.degraded

    def __init__(
        self, folder: Path, cluster: Cluster, options: Options | None = None, **facts: Any
    ) -> None:
        super().__init__()
        self.cluster, self.blobs = cluster, bare_engine.store()
        all_options: Options = {
            "namespace": (cluster.namespace,),
            "registry": (f"http://{os.environ['TFNZ_TEST_REGISTRY']}",),
            **(options or {}),
        }
        self.engine = KubernetesEngine(folder / "state", folder, all_options, **facts)

    async def open(self) -> None:
        """Make it ready."""
        await self.engine.open(self.on_nodes)
        await eventually_async(lambda: UNKNOWN not in self.engine.degraded, within=120)
        self.image = bare_engine.image(self.blobs)
        await self.engine.install(self.image, self.blobs, lambda _progress: None)

    def leftovers(self) -> dict[str, set[str]]:
        return self.cluster.footprint(but=("lease", "anchor"))


@asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    """An open one in a namespace of its own; nothing of it stays."""
    with tempfile.TemporaryDirectory(
        prefix="tfnz-", dir="/tmp", ignore_cleanup_errors=True
    ) as folder:
        async with namespace() as cluster:
            made = Bench(Path(folder), cluster)
            try:
                await made.open()
                yield made
            finally:
                await made.engine.close()
