"""From the call that spawns a container to the first byte it prints, ours and Docker's in turns.

Ours goes through ``Location``: every layer is in it. Docker is asked through its API (create, attach, start), not its
slower command; it takes part if ``DOCKER_HOST=unix:///path`` is set or /var/run/docker.sock is there. Both run the same
static busybox. Between two spawns the machine rests for a quarter of a second, as it does for a user.
"""

from __future__ import annotations

import http.client
import io
import json
import os
import shutil
import socket
import statistics
import tarfile
import threading
import time
from collections.abc import Callable

from tfnz_jupyter import Location, Node

ROUNDS = 20
REST = 0.25  # seconds
COMMAND = ["busybox", "echo", "hello"]


def main() -> None:
    location = Location()
    runners: dict[str, Callable[[], float]] = {"ours": lambda: ours(location.node())}
    docker = Docker.found()
    if docker:
        docker.import_busybox()
        runners["docker"] = docker.spawn
    else:
        print("No Docker engine was found: only ours is measured.")
    samples: dict[str, list[float]] = {name: [] for name in runners}
    for number in range(ROUNDS + 2):
        for name, spawn in runners.items():
            time.sleep(REST)
            took = spawn()
            if number >= 2:  # the first two warm up
                samples[name].append(took)
    location.disconnect()
    tell(samples)


def tell(samples: dict[str, list[float]]) -> None:
    for name, taken in samples.items():
        low, high = min(taken) * 1000, max(taken) * 1000
        print(
            f"{name:<7} median {statistics.median(taken) * 1000:7.1f} ms  ({low:.1f} to {high:.1f}, {len(taken)} spawns)"
        )
    if "docker" in samples:
        ratio = statistics.median(samples["docker"]) / statistics.median(samples["ours"])
        print(f"Docker takes {ratio:.1f} times as long (target: 12)")


def ours(node: Node) -> float:
    """Seconds to the first byte; the container is gone when this returns."""
    came = threading.Event()
    start = time.perf_counter()
    container = node.spawn_container(
        "busybox", command=COMMAND, stdout_callback=lambda container, data: came.set()
    )
    if not came.wait(120):
        raise SystemExit(f"nothing came from {container!r}: {container.reason}")
    took = time.perf_counter() - start
    container.destroy()
    return took


class Docker:
    """As much of the Docker Engine API as one spawn needs."""

    IMAGE = "tfnz-bench-busybox"

    def __init__(self, path: str) -> None:
        self._path = path

    @classmethod
    def found(cls) -> Docker | None:
        host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
        path = host.removeprefix("unix://")
        return cls(path) if os.path.exists(path) else None

    def import_busybox(self) -> None:
        """Make an image that holds /bin/busybox alone."""
        tree = io.BytesIO()
        with tarfile.open(fileobj=tree, mode="w") as tar:
            tar.add(shutil.which("busybox") or "/bin/busybox", "bin/busybox")
        self._ask(
            "POST",
            f"/images/create?fromSrc=-&repo={self.IMAGE}",
            tree.getvalue(),
            "application/x-tar",
        )

    def spawn(self) -> float:
        start = time.perf_counter()
        wanted = json.dumps({"Image": self.IMAGE, "Cmd": COMMAND, "AttachStdout": True}).encode()
        container = json.loads(self._ask("POST", "/containers/create", wanted))["Id"]
        with self._attach(container) as output:
            self._ask("POST", f"/containers/{container}/start")
            if not output.recv(1):
                raise SystemExit("Docker's container printed nothing")
            took = time.perf_counter() - start
        self._ask("DELETE", f"/containers/{container}?force=true")
        return took

    def _attach(self, container: str) -> socket.socket:
        """The container's output, past the answer's header."""
        output = self._connect()
        path = f"/containers/{container}/attach?stream=1&stdout=1"
        output.sendall(
            f"POST {path} HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n".encode()
        )
        header = b""
        while not header.endswith(b"\r\n\r\n"):
            header += output.recv(1)
        return output

    def _connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(60)
        connection.connect(self._path)
        return connection

    def _ask(
        self, method: str, path: str, body: bytes = b"", kind: str = "application/json"
    ) -> bytes:
        link = http.client.HTTPConnection("docker")
        link.sock = self._connect()
        link.request(method, path, body, {"Content-Type": kind})
        answer = link.getresponse()
        data = answer.read()
        link.close()
        if answer.status >= 300:
            raise SystemExit(
                f"Docker answered {answer.status} to {method} {path}: {data.decode(errors='replace')}"
            )
        return data


if __name__ == "__main__":
    main()
