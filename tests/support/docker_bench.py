"""A dockerd of the tests' own, in a network namespace that the test's main thread shares meanwhile, and the engine on it.

Everything of it lies in one folder; what its containers are is asked of it directly, and not of the engine.
"""

from __future__ import annotations

import contextlib
import functools
import gzip
import http.client
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from tests.support import bench as general
from tests.support import tinyimage
from tests.support.eventually import eventually
from tests.support.mounts import unmount_below
from tfnz_jupyter.engines.base import ImageInfo
from tfnz_jupyter.engines.docker import DockerEngine, manifest
from tfnz_jupyter.engines.embedded.syscalls import inside_network, new_network
from tfnz_jupyter.engines.watcher import LINGER

_HOME = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
LACKING = "no dockerd; apt-get install docker.io"
_FAR = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]


def _only_child(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text())


def within(folder: Path) -> list[str]:
    """What a dockerd is told so that all there is of it lies in one folder, its socket as ``sock``."""
    places = {"data-root": "data", "exec-root": "exec", "pidfile": "pid"}
    named = [f"--{option}={folder}/{name}" for option, name in places.items()]
    return [f"--host=unix://{folder}/sock", *named]


class Dockerd:
    """One that runs; ``folder`` is all there is of it, but for the network namespace it is in."""

    def __init__(self, folder: Path, *, far: bool = False) -> None:
        self.folder, self.far = folder, far
        self.url = f"unix://{folder}/sock"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self, *options: str) -> None:
        """Have it answer. It is where this thread is; its processes are another machine's, if it is ``far``."""
        alone = ["--bridge=none", "--userland-proxy=false", "--shutdown-timeout=1"]
        argv = [*_FAR * self.far, "dockerd", *within(self.folder), *alone, *options]
        self._launch(*argv, ready="API listen on")

    def stop(self) -> None:
        """End it, and with it every container."""
        if self._process is not None:
            os.kill(_only_child(self.pid) if self.far else self.pid, signal.SIGTERM)
            self._process.wait(60)
            self._process = None

    def _launch(self, *argv: str, ready: str, env: dict[str, str] | None = None) -> None:
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(argv, stdout=log, stderr=log, env=env)
        process, said = self._process, (self.folder / "log").read_text
        eventually(lambda: process.poll() is not None or ready in said(), 60)
        assert process.poll() is None, said()[-2000:]

    def ask(self, path: str, method: str = "GET", body: bytes | None = None) -> Any:
        """What it answers, as JSON; None where it says nothing."""
        link = http.client.HTTPConnection("docker")
        link.sock = socket.socket(socket.AF_UNIX)
        link.sock.settimeout(30)
        link.sock.connect(f"{self.folder}/sock")
        with contextlib.closing(link):
            link.request(method, path, body)
            answer = link.getresponse()
            assert answer.status < 300, (path, answer.status)
            text = answer.read()
        return json.loads(text) if text and method == "GET" else None

    def give(self, name: str) -> None:
        """Let it have the tiny image under a name, as if its user had."""
        image, blobs = _image(_store()), _store() / "sha256"
        layers = [
            (f"{number}/layer.tar", gzip.decompress((blobs / one.digest[7:]).read_bytes()))
            for number, one in enumerate(image.layers)
        ]
        config = manifest.config([one.diff_id for one in image.layers], platform.machine())
        self.ask("/images/load", "POST", manifest.archive(config, name, layers))


class Podman(Dockerd):
    """Podman's service, which speaks as Docker does. It asks for limits that this machine may not give, unless told others."""

    _LIMITS = '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]\n'

    def start(self, *options: str) -> None:
        config = self.folder / "containers.conf"
        config.write_text(self._LIMITS)
        argv = ["podman", "--log-level=info", *self._places, "--cgroup-manager=cgroupfs"]
        argv += ["--events-backend=file", "--runtime=runc", *options]
        env = {**os.environ, "CONTAINERS_CONF": str(config)}
        argv += ["system", "service", "--time=0", self.url]
        self._launch(*argv, ready="API service listening", env=env)

    @property
    def _places(self) -> list[str]:
        names = {"root": "data", "runroot": "run", "network-config-dir": "net", "tmpdir": "tmp"}
        return [f"--{name}={self.folder}/{place}" for name, place in names.items()]

    def stop(self) -> None:
        """End it, the containers, which it does not end, and who waits for five minutes to tidy up after each process."""
        subprocess.run(["podman", *self._places, "rm", "--all", "--force"], capture_output=True)
        super().stop()
        for file in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                words = file.read_bytes()
                if b"conmon" in words and f"{self.folder}/".encode() in words:
                    os.kill(int(file.parent.name), signal.SIGKILL)


@contextmanager
def dockerd_elsewhere() -> Iterator[Dockerd]:
    """One whose processes have other numbers than this machine's, and are not to be found by them."""
    with _running(functools.partial(Dockerd, far=True)) as made:
        yield made


@contextmanager
def podman() -> Iterator[Podman]:
    """One that ends with its containers, and leaves nothing."""
    with _running(Podman) as made:
        yield made


@contextmanager
def dockerd(*options: str) -> Iterator[Dockerd]:
    """One that ends with its containers, and leaves nothing."""
    with _running(Dockerd, *options) as made:
        yield made


D = TypeVar("D", bound=Dockerd)


@contextmanager
def _running(kind: Callable[[Path], D], *options: str) -> Iterator[D]:
    made = kind(Path(tempfile.mkdtemp(prefix="dockerd-", dir="/tmp")))
    try:
        made.start(*options)
        yield made
    finally:
        made.stop()
        unmount_below(made.folder)
        shutil.rmtree(made.folder, ignore_errors=True)


@contextmanager
def apart() -> Iterator[None]:
    """A network namespace for this thread and all that it starts meanwhile, with nothing in it but loopback."""
    network = new_network(_HOME)
    try:
        with inside_network(network, _HOME):
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
            yield
    finally:
        os.close(network)


@contextmanager
def at_home() -> Iterator[None]:
    """This thread in this machine's own network meanwhile: what it starts :func:`apart` is on another, as it were."""
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        with inside_network(_HOME, here):
            yield
    finally:
        os.close(here)


class Bench(general.Bench):
    """An open Docker engine with the tiny image installed."""

    cannot: ClassVar[dict[str, str]] = {"disk": "does not limit"}
    keeps_daemons_together: ClassVar[bool] = False
    exchanges_volumes: ClassVar[bool] = False
    many: ClassVar[int] = 20
    soon: ClassVar[float] = 10
    quick: ClassVar[float] = 5

    def __init__(
        self, folder: Path, *dockers: Dockerd, linger: float = LINGER, **options: tuple[str, ...]
    ) -> None:
        super().__init__()
        self._linger = linger
        self.dockers, self.folder = dockers, folder
        self.state, self.runtime, self.blobs = folder / "state", folder / "run", _store()
        self.runtime.mkdir(exist_ok=True)
        self.engine = self.another(**options)

    def another(self, **options: tuple[str, ...]) -> DockerEngine:
        """An engine of the same location."""
        hosts = tuple(docker.url for docker in self.dockers)
        told = {"host": hosts, **options}
        return DockerEngine(self.state, self.runtime, told, linger=self._linger)

    async def open(self) -> None:
        await self.engine.open(self.on_nodes)
        self.image = _image(self.blobs)
        await self.engine.install(self.image, self.blobs, lambda _progress: None)

    def leftovers(self) -> dict[str, set[str]]:
        return footprint(*self.dockers)


def footprint(*dockers: Dockerd) -> dict[str, set[str]]:
    """Containers, networks and volumes of some dockerds, and the rules of their network."""
    found: dict[str, set[str]] = {"containers": set(), "networks": set(), "volumes": set()}
    for docker in dockers:
        found["containers"] |= {one["Names"][0] for one in docker.ask("/containers/json?all=1")}
        found["networks"] |= {one["Name"] for one in docker.ask("/networks")}
        found["volumes"] |= {one["Name"] for one in docker.ask("/volumes")["Volumes"] or ()}
    rules = subprocess.run(["iptables-save", "-t", "filter"], capture_output=True, text=True)
    found["rules"] = {
        line for line in rules.stdout.splitlines() if "TFNZ" in line and line[:2] == "-A"
    }
    return found


@functools.cache
def _store() -> Path:
    """Made once for all tests of a run, and removed with it."""
    folder = tempfile.TemporaryDirectory(prefix="tfnz-tiny-")
    _kept.append(folder)
    return Path(folder.name)


_kept: list[tempfile.TemporaryDirectory[str]] = []


@functools.cache
def _image(blobs: Path) -> ImageInfo:
    return tinyimage.build(blobs, extra=[tinyimage.perl(blobs)])


@contextmanager
def folder() -> Iterator[Path]:
    """A short one, for the sake of unix sockets."""
    made = Path(tempfile.mkdtemp(prefix="tfnz-", dir="/tmp"))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextmanager
def home(docker: Dockerd) -> Iterator[dict[str, str]]:
    """The environment of programs that have a location on it; that ends at the end."""
    with folder() as place:
        try:
            yield {**os.environ, "TFNZ_HOME": str(place), "DOCKER_HOST": docker.url}
        finally:
            end_location(place)


def run(program: str, env: dict[str, str], *, check: bool = True) -> int:
    """Run a program in this thread's network; its exit code."""
    done = subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, timeout=110
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done.returncode


def end_location(home: Path) -> None:
    """End the location of a home, and wait until it has."""
    for file in (home / "run").glob("*/location.json"):
        pid = json.loads(file.read_text())["pid"]
        os.kill(pid, signal.SIGTERM)
        eventually(lambda pid=pid: not Path(f"/proc/{pid}").exists(), 30)


@asynccontextmanager
async def bench(
    folder: Path, *dockers: Dockerd, **options: tuple[str, ...]
) -> AsyncIterator[Bench]:
    """An open bench, closed at the end."""
    found = Bench(folder, *dockers, **options)
    try:
        await found.open()
        yield found
    finally:
        await found.engine.close()
