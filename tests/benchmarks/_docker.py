"""The peer of most rows: a dockerd that the benchmark starts, in a network namespace of its own, so that no rule and no bridge
of the machine is touched; asked through docker-py. Its containers are as hardened as Docker's can be with one option each.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import io
import shlex
import shutil
import socket
import subprocess
import tarfile
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import docker

from tests.support.docker_bench import within
from tests.support.eventually import eventually
from tests.support.mounts import unmount_below

T = TypeVar("T")

#: What rows call it.
PEER = "Docker API"
IMAGE = "tfnz-bench-busybox"
#: As ours are by default, as far as Docker can: its own seccomp filter and capabilities come by themselves.
HARDENED = {"mem_limit": "4g", "pids_limit": 512, "security_opt": ["no-new-privileges"]}
_APPLETS = ("sh", "cat", "echo", "sleep", "yes", "nc", "dd", "head", "true", "httpd", "mkdir", "wc")
_CLONE_NEWNET = 0x4000_0000


class Docker:
    """Made by :func:`dockerd`."""

    def __init__(self, url: str, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.url = url
        self.client = docker.DockerClient(base_url=url, timeout=120)
        self.api = self.client.api

    def create(self, command: list[str], **options: Any) -> str:
        """A container, not started; its id."""
        limits = {**HARDENED, **options.pop("host", {})}
        config = self.api.create_host_config(**limits)
        made = self.api.create_container(IMAGE, command, host_config=config, **options)
        return str(made["Id"])

    def start(self, command: list[str], **options: Any) -> str:
        """A container that runs; its id."""
        name = self.create(command, **options)
        self.api.start(name)
        return name

    def to_first_byte(self, command: list[str]) -> str:
        """Create, attach, start, and wait until something comes; its id."""
        name = self.create(command)
        output = self.api.attach_socket(name, {"stdout": 1, "stderr": 1, "stream": 1})
        self.api.start(name)
        output.read(1)
        output.close()
        return name

    def remove(self, name: str) -> None:
        """Kill it and take it away."""
        self.api.remove_container(name, force=True)

    def dial(self, port: int) -> socket.socket:
        """A connection to a published port, as one makes it on the machine dockerd runs on."""
        link = self.inside(lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        link.settimeout(60)
        link.connect(("127.0.0.1", port))
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return link

    def inside(self, deed: Callable[[], T]) -> T:
        """Do something in dockerd's network namespace; a socket made there stays there."""
        found: list[T] = []

        def work() -> None:
            with open(f"/proc/{self.process.pid}/ns/net") as space:
                if ctypes.CDLL(None, use_errno=True).setns(space.fileno(), _CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
            found.append(deed())

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return found[0]


@functools.cache
def dockerd() -> Docker:
    """The one of this run; it ends with the program."""
    stack = contextlib.ExitStack()
    _STACKS.append(stack)
    found = stack.enter_context(_started())
    found.api.import_image_from_data(_busybox(), repository=IMAGE)
    return found


_STACKS: list[contextlib.ExitStack] = []


def end_dockerd() -> None:
    """End it, if it was started."""
    while _STACKS:
        _STACKS.pop().close()
    dockerd.cache_clear()


@contextlib.contextmanager
def _started() -> Iterator[Docker]:
    folder = Path(tempfile.mkdtemp(prefix="dockerd-", dir="/tmp"))
    script = f"ip link set lo up && exec dockerd {shlex.join(within(folder))}"
    with (folder / "log").open("wb") as log:
        # it ends with this program, however that ends
        argv = ["setpriv", "--pdeathsig", "TERM", "unshare", "--net", "sh", "-c", script]
        process = subprocess.Popen(argv, stdout=log, stderr=log)
    try:
        said = (folder / "log").read_text
        eventually(lambda: process.poll() is not None or "API listen on" in said(), 60)
        if process.poll() is not None:
            raise SystemExit(f"dockerd does not start:\n{said()[-2000:]}")
        yield Docker(f"unix://{folder}/sock", process)
    finally:
        process.terminate()
        process.wait(60)
        unmount_below(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _busybox() -> bytes:
    """A tree of this machine's own static busybox."""
    busybox = Path(shutil.which("busybox") or "/bin/busybox").resolve()
    tree = io.BytesIO()
    with tarfile.open(fileobj=tree, mode="w") as tar:
        tar.add(busybox, "bin/busybox")
        for name in _APPLETS:
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
        folder = tarfile.TarInfo("tmp")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o1777
        tar.addfile(folder)
    return tree.getvalue()
