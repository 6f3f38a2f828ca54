"""A place to run an image in without the engine: its layers unpacked by GNU tar, and crun with a user namespace.

Everything lives in mount, process and network namespaces of its own below one ``unshare``, so that killing it leaves
nothing. Root on Linux with crun, util-linux and nsenter.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tfnz_jupyter.engines.base import ImageInfo

from .eventually import eventually

_FIRST_ID = 300000
_CAPABILITIES = (
    "CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE SYS_CHROOT"
)
_DEVICE_MOUNTS = [
    {"destination": "/proc", "type": "proc", "source": "proc"},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["mode=755"]},
    {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["mode=1777"]},
]
_START = """
[ ! -d /sys/fs/cgroup/unified ] || mount -t tmpfs none /sys/fs/cgroup/unified
exec crun --root "$1/crun" --cgroup-manager=disabled run -b "$1" room
"""


@dataclass
class Room:
    """A running container. ``process`` is the ``unshare`` around it, whose exit code is the container's."""

    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def out(self) -> str:
        return (self.folder / "out").read_text()

    @property
    def err(self) -> str:
        return (self.folder / "err").read_text()

    def run(self, *argv: str, user: str = "0") -> subprocess.CompletedProcess[str]:
        """A command in it."""
        crun = ["crun", "--root", f"{self.folder}/crun", "--cgroup-manager=disabled"]
        return subprocess.run(
            [*self._inside(), *crun, "exec", "--user", user, "room", *argv],
            capture_output=True,
            text=True,
            timeout=60,
        )

    def answers(self, *argv: str, within: float = 20) -> str:
        """What a command prints, once it succeeds."""

        def tried() -> str | None:
            assert self.process.poll() is None, self.err
            done = self.run(*argv)
            assert done.returncode == 0, done.stderr
            return done.stdout or " "

        return eventually(tried, within)

    def stop(self, signal: str, within: float = 20) -> int:
        """Send a signal to the first process; the exit code."""
        crun = ["crun", "--root", f"{self.folder}/crun", "--cgroup-manager=disabled"]
        subprocess.run([*self._inside(), *crun, "kill", "room", signal], check=True)
        return self.process.wait(within)

    def _inside(self) -> list[str]:
        children = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        first = eventually(lambda: Path(children).read_text().split(), 5)[0]
        return ["nsenter", "-t", first, "-m", "-p"]


@contextlib.contextmanager
def room(
    image: ImageInfo,
    blobs: Path,
    *argv: str,
    env: dict[str, str] | None = None,
    files: dict[str, str] | None = None,
) -> Iterator[Room]:
    """The image running as it says itself, with ``argv`` in place of its Cmd."""
    folder = Path(tempfile.mkdtemp(prefix="image-room-"))
    folder.chmod(0o711)
    _unpack(image, blobs, folder / "rootfs", files or {})
    command = [*image.entrypoint, *(argv or image.cmd)]
    (folder / "config.json").write_text(json.dumps(_spec(image, command, env or {})))
    apart = ["--mount", "--pid", "--net", "--fork", "--kill-child", "--mount-proc"]
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        process = subprocess.Popen(
            ["unshare", *apart, "sh", "-c", _START, "sh", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
    try:
        yield Room(folder, process)
    finally:
        process.kill()
        process.wait()
        eventually(lambda: not _busy(folder), 5)
        shutil.rmtree(folder)


def ran(image: ImageInfo, blobs: Path, *argv: str, **more: dict[str, str]) -> tuple[int, str, str]:
    """(exit code, standard output, standard error) of a command in a container of its own."""
    with room(image, blobs, *argv, **more) as here:
        code = here.process.wait(60)
        return code, here.out, here.err


def _unpack(image: ImageInfo, blobs: Path, root: Path, files: dict[str, str]) -> None:
    root.mkdir()
    for layer in image.layers:
        blob = blobs / "sha256" / layer.digest.removeprefix("sha256:")
        subprocess.run(["tar", "-xpf", blob, "-C", root, "--numeric-owner"], check=True)
    for path, content in files.items():
        target = root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
    for folder, folders, names in os.walk(root):
        for name in (".", *folders, *names):
            _shift(os.path.join(folder, name))


def _shift(path: str) -> None:
    """Give a file to the user namespace; chown takes setuid and setgid away, so they are put back."""
    found = os.lstat(path)
    if found.st_uid < _FIRST_ID:
        os.lchown(path, found.st_uid + _FIRST_ID, found.st_gid + _FIRST_ID)
        if not os.path.islink(path):
            os.chmod(path, found.st_mode & 0o7777)


def _spec(image: ImageInfo, command: list[str], env: dict[str, str]) -> dict[str, object]:
    capabilities = [f"CAP_{name}" for name in _CAPABILITIES.split()]
    ids = [{"containerID": 0, "hostID": _FIRST_ID, "size": 65536}]
    spaces = ("pid", "mount", "ipc", "uts", "network", "user")
    return {
        "ociVersion": "1.0.0",
        "root": {"path": "rootfs"},
        "process": {
            "user": {"uid": 0, "gid": 0},
            "args": command,
            "cwd": image.working_dir,
            "env": [f"{k}={v}" for k, v in {**dict(image.env), **env}.items()],
            "capabilities": {k: capabilities for k in ("bounding", "effective", "permitted")},
            "noNewPrivileges": True,
        },
        "mounts": _DEVICE_MOUNTS,
        "linux": {
            "namespaces": [{"type": space} for space in spaces],
            "uidMappings": ids,
            "gidMappings": ids,
        },
    }


def _busy(folder: Path) -> bool:
    """Whether a mount of the room is still there (a killed namespace takes a moment to go)."""
    return str(folder) in Path("/proc/self/mounts").read_text()
