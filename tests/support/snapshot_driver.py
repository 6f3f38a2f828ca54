"""A storage driver of the tests' own that makes snapshots: claims are folders of this machine, which the nodes see as theirs.

A real one is a program in the cluster that watches claims and ``VolumeSnapshot`` objects, and so does this one, from here: what
it has made of claims the cluster binds, mounts and collects as ever. The objects of snapshots are in no etcd: the cluster's API
server passes what is asked about their group on to this one, as it does for any group that has a server of its own.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

from tests.support.eventually import eventually
from tests.support.kubernetes_bench import Cluster
from tests.support.web import certificate

Json = dict[str, Any]

GROUP = "snapshot.storage.k8s.io"
_SERVERS = "/apis/apiregistration.k8s.io/v1/apiservices"
_STORAGE = "/apis/storage.k8s.io/v1/storageclasses"
_DISKS = "/api/v1/persistentvolumes"
_LOOKS_EVERY = 0.1  # seconds
_KINDS = [
    {"name": "volumesnapshots", "kind": "VolumeSnapshot", "namespaced": True},
    {"name": "volumesnapshotclasses", "kind": "VolumeSnapshotClass", "namespaced": False},
]
_VERBS = {"singularName": "", "verbs": ["get", "create", "delete"]}  # none that is watched


class Driver:
    """One that runs. ``failing`` is why it makes no snapshot; "" while it makes them."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.cluster, self.folder = cluster, folder
        self.name = f"tfnz-test-{secrets.token_hex(4)}"
        self.failing = ""
        self.snapshots: dict[str, Json] = {}
        self._made: set[str] = set()
        self._over = threading.Event()

    def run(self) -> None:
        """Give disks to claims of its class, until :meth:`stop`."""
        while not self._over.wait(_LOOKS_EVERY):
            for claim in self.cluster.items("claims"):
                with contextlib.suppress(HTTPError):  # it is gone already
                    self._provide(claim)

    def stop(self) -> None:
        """No more."""
        self._over.set()

    def _provide(self, claim: Json) -> None:
        uid = claim["metadata"]["uid"]
        if claim["spec"].get("storageClassName") != self.name or uid in self._made:
            return
        self._made.add(uid)
        disk = self.folder / uid
        source = claim["spec"].get("dataSource")
        if source is None:
            disk.mkdir()
        else:
            _copy(self.folder / source["name"], disk)
        self.cluster.ask("POST", _DISKS, self._disk(claim, disk))

    def _disk(self, claim: Json, folder: Path) -> Json:
        metadata = {key: claim["metadata"][key] for key in ("namespace", "name", "uid")}
        return {
            "metadata": {"name": f"{self.name}-{metadata['uid']}", "labels": {self.name: "yes"}},
            "spec": {
                "storageClassName": self.name,
                "capacity": claim["spec"]["resources"]["requests"],
                "accessModes": claim["spec"]["accessModes"],
                "persistentVolumeReclaimPolicy": "Retain",
                "hostPath": {"path": str(folder)},
                "claimRef": {"kind": "PersistentVolumeClaim", "apiVersion": "v1", **metadata},
            },
        }

    # -- what the API server passes on ---------------------------------------------------------------------------------

    def answer(self, method: str, path: str, body: Json | None) -> tuple[int, Json]:
        """Status and object for a request below ``/apis/GROUP/v1``."""
        *_, kind, name = ["", *path.strip("/").split("/")]
        if name == "v1":
            return 200, _resources()
        if name == "volumesnapshotclasses":
            return 200, {"kind": "VolumeSnapshotClassList", "items": [self._class()]}
        if method == "POST":
            assert body is not None
            return 201, self._keep(body)
        if kind != "volumesnapshots" or name not in self.snapshots:
            return 404, {"kind": "Status", "message": f"{path} is not there"}
        found = self.snapshots[name]
        if method == "DELETE":
            del self.snapshots[name]
        return 200, found

    def _class(self) -> Json:
        return {"metadata": {"name": self.name}, "driver": self.name, "deletionPolicy": "Delete"}

    def _keep(self, wish: Json) -> Json:
        name = wish["metadata"]["name"]
        state: Json = {"readyToUse": False, "error": {"message": self.failing}}
        if not self.failing:
            source = wish["spec"]["source"]["persistentVolumeClaimName"]
            claims = {one["metadata"]["name"]: one for one in self.cluster.items("claims")}
            _copy(self.folder / claims[source]["metadata"]["uid"], self.folder / name)
            state = {"readyToUse": True}
        self.snapshots[name] = wish | {"status": state}
        return self.snapshots[name]


def _resources() -> Json:
    named = [one | _VERBS for one in _KINDS]
    return {"kind": "APIResourceList", "groupVersion": f"{GROUP}/v1", "resources": named}


def _copy(source: Path, target: Path) -> None:
    subprocess.run(["cp", "-a", source, target], check=True)


@contextlib.contextmanager
def driver(cluster: Cluster) -> Iterator[Driver]:
    """One that runs, with a storage class of its own, and is the cluster's server of snapshots meanwhile."""
    folder = Path(tempfile.mkdtemp(prefix="tfnz-disks-", dir="/var/tmp"))
    found = Driver(cluster, folder)
    running = threading.Thread(target=found.run, daemon=True)
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        storage = {"metadata": {"name": found.name}, "provisioner": found.name}
        _made(stack, cluster, _STORAGE, storage)
        port = stack.enter_context(_served(found.answer, folder))
        _made(stack, cluster, *_service(cluster, port))
        _made(stack, cluster, _SERVERS, _registration(cluster, port))
        eventually(lambda: _is_known(cluster), within=30)
        stack.callback(cluster.ask, "DELETE", f"{_DISKS}?labelSelector={found.name}")
        running.start()
        stack.callback(running.join)
        stack.callback(found.stop)
        yield found


def _made(stack: contextlib.ExitStack, cluster: Cluster, path: str, body: Json) -> None:
    """Make an object, and remove it at the end."""
    cluster.ask("POST", path, body)
    stack.callback(cluster.ask, "DELETE", f"{path}/{body['metadata']['name']}")


def _service(cluster: Cluster, port: int) -> tuple[str, Json]:
    """Where the API server finds this process: on its own machine."""
    spec = {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": port}]}
    path = f"/api/v1/namespaces/{cluster.namespace}/services"
    return path, {"metadata": {"name": "snapshots"}, "spec": spec}


def _registration(cluster: Cluster, port: int) -> Json:
    return {
        "metadata": {"name": f"v1.{GROUP}"},
        "spec": {
            "group": GROUP,
            "version": "v1",
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "insecureSkipTLSVerify": True,
            "service": {"name": "snapshots", "namespace": cluster.namespace, "port": port},
        },
    }


def _is_known(cluster: Cluster) -> bool:
    with contextlib.suppress(HTTPError):
        return bool(cluster.ask("GET", f"/apis/{GROUP}/v1/volumesnapshotclasses"))
    return False


@contextlib.contextmanager
def _served(
    answer: Callable[[str, str, Json | None], tuple[int, Json]], folder: Path
) -> Iterator[int]:
    """The port of a server, on this machine, that answers like that."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do(self) -> None:
            size = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(size) if size else b""
            asked = json.loads(body) if self.command == "POST" else None
            status, found = answer(self.command, urlsplit(self.path).path, asked)
            said = json.dumps({"apiVersion": f"{GROUP}/v1", **found}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST = do_DELETE = do  # as the base class wants them named

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate(folder, "localhost"))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        serving.join()
