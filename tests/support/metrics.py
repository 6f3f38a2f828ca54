"""A metrics server as small as can be, which a cluster's API server asks in our place (its aggregation layer)."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

import pytest

from tests.support.eventually import eventually
from tests.support.kubernetes_bench import Cluster

_GROUP, _VERSION = "metrics.k8s.io", "v1beta1"
_SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
_NAME = f"{_VERSION}.{_GROUP}"


class Metrics:
    """``usage`` is what each node uses, in the API's words: ``{"cpu": "250m", "memory": "1Gi"}``; ``down``: it is not there."""

    def __init__(self) -> None:
        self.usage: dict[str, dict[str, str]] = {}
        self.down = False
        self.asked = 0

    def answer(self, path: str) -> tuple[int, Any]:
        """The status and body for a request."""
        if self.down:
            return 503, {"kind": "Status", "code": 503, "message": "no metrics just now"}
        if path == f"/apis/{_GROUP}/{_VERSION}":
            nodes = {"name": "nodes", "kind": "NodeMetrics", "namespaced": False, "verbs": ["list"]}
            return 200, {
                "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": path[6:], "resources": [nodes],
            }  # fmt: skip
        if path == f"/apis/{_GROUP}/{_VERSION}/nodes":
            self.asked += 1
            items = [{"metadata": {"name": n}, "usage": used} for n, used in self.usage.items()]
            return 200, {"kind": "NodeMetricsList", "apiVersion": path[6:-6], "items": items}
        return 404, {"kind": "Status", "code": 404, "message": "no such thing"}


@contextmanager
def metrics_api(cluster: Cluster, folder: Path) -> Iterator[Metrics]:
    """One that the cluster has while this lasts. It must reach this machine by the address we reach it from."""
    metrics = Metrics()
    host = _our_address(cluster.server)
    server = ThreadingHTTPServer((host, 0), _handler(metrics))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*_certificate(folder))
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with _registered(cluster, host, server.server_address[1]):
            yield metrics
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def _registered(cluster: Cluster, host: str, port: int) -> Iterator[None]:
    service = {
        "metadata": {"name": "metrics"},
        "spec": {"type": "ExternalName", "externalName": host},
    }
    cluster.ask("POST", f"/api/v1/namespaces/{cluster.namespace}/services", service)
    leads = {"name": "metrics", "namespace": cluster.namespace, "port": port}
    spec = {
        "group": _GROUP, "version": _VERSION, "service": leads, "insecureSkipTLSVerify": True,
        "groupPriorityMinimum": 100, "versionPriority": 100,
    }  # fmt: skip
    try:
        cluster.ask("POST", _SERVICES, {"metadata": {"name": _NAME}, "spec": spec})
    except HTTPError as problem:
        if problem.code == 409:
            pytest.skip("the cluster has a metrics API of its own")
        raise
    try:
        eventually(lambda: _answers(cluster), within=60)
        yield
    finally:
        cluster.ask("DELETE", f"{_SERVICES}/{_NAME}")


def _answers(cluster: Cluster) -> bool:
    try:
        return bool(cluster.ask("GET", f"/apis/{_GROUP}/{_VERSION}/nodes"))
    except HTTPError:  # it is looked for, or not led to yet
        return False


def _our_address(server: str) -> str:
    """From which the API server sees us."""
    there = urlsplit(server)
    with socket.create_connection((str(there.hostname), there.port or 443)) as way:
        return str(way.getsockname()[0])


def _certificate(folder: Path) -> tuple[Path, Path]:
    files = folder / "metrics.crt", folder / "metrics.key"
    options = ["-newkey", "rsa:2048", "-nodes", "-subj", "/CN=metrics", "-days", "1"]
    command = ["openssl", "req", "-x509", *options, "-out", files[0], "-keyout", files[1]]
    subprocess.run(command, check=True, capture_output=True)
    return files


def _handler(metrics: Metrics) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            code, body = metrics.answer(self.path.partition("?")[0])
            content = json.dumps(body).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *words: Any) -> None:
            """The test tells what went wrong."""

    return Handler
