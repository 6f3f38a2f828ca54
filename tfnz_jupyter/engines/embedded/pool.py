"""One btrfs in one sparse file of the state folder: made by the location, mounted by the keeper in its own mount namespace.

Whoever holds a descriptor of it keeps it mounted; the loop device goes with the last one (autoclear), so that even two
SIGKILLs leave none behind. It grows as it is written to, and gives back what is removed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from pathlib import Path

from ...errors import EngineFailed

_IMAGE = "pool.img"
_USED = "pool.used"  # there once it has been mounted
_SHARE = 0.9  # of the space that is free when it is made
_LEAST = 256 << 20
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def image(state: Path) -> Path:
    return state / _IMAGE


def holds_volumes(state: Path) -> bool:
    """Whether there may be volumes in it, which must not be taken for lost: it was used before."""
    return image(state).exists() and (state / _USED).exists()


def make(state: Path) -> str:
    """Make sure that there is one. Blocks. Returns why there is none, empty if there is."""
    file = image(state)
    if holds_volumes(state):
        return ""
    if any((state / "volumes").glob("*")):
        file.unlink(missing_ok=True)
        return "there are volumes in plain folders from before"
    if file.exists():
        return ""
    lacking = _lacking()
    if lacking:
        return lacking
    half = file.with_suffix(".half")
    size = max(_LEAST, int(free(state) * _SHARE))
    with open(half, "wb") as made:
        made.truncate(size)
    mkfs = shutil.which("mkfs.btrfs", path=_PATH) or ""
    done = subprocess.run(
        [mkfs, "-q", "-m", "single", half], capture_output=True, text=True, check=False
    )
    if done.returncode:
        half.unlink()
        return f"mkfs.btrfs failed: {done.stderr.strip()}"
    half.rename(file)
    return ""


def _lacking() -> str:
    if not shutil.which("mkfs.btrfs", path=_PATH):
        return "mkfs.btrfs is missing (apt-get install btrfs-progs)"
    if Path("/proc/self/uid_map").read_text().split() != ["0", "0", "4294967295"]:
        return "only root can mount one"
    if not os.access("/dev/loop-control", os.W_OK):
        return "this machine has no loop devices"
    return ""


def free(state: Path) -> int:
    found = os.statvfs(state)
    return found.f_bavail * found.f_frsize


def attach(state: Path, target: str) -> None:
    """Mount it. The keeper's; raises ``OSError`` with mount's words."""
    os.mkdir(target, 0o711)
    options = "loop,noatime"
    command = ["mount", "-t", "btrfs", "-o", options, os.fspath(image(state)), target]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(done.stderr.strip())
    (state / _USED).touch()


def wait_until_free(state: Path, patience: float = 10.0) -> None:
    """Return when no loop device has it: that follows the end of whoever had it mounted by a moment.

    Raises:
        EngineFailed: it is still held after ``patience`` seconds.
    """
    give_up = time.monotonic() + patience
    while holders(state):
        if time.monotonic() > give_up:
            raise EngineFailed(f"{image(state)} is held by {', '.join(holders(state))}")
        time.sleep(_PAUSE)


def holders(state: Path) -> list[str]:
    """The loop devices that have it."""
    found = []
    for device in Path("/sys/block").glob("loop*"):
        with contextlib.suppress(OSError):
            name = (device / "loop/backing_file").read_text().rstrip("\n")
            if name.removesuffix(" (deleted)") == os.path.realpath(image(state)):
                found.append(f"/dev/{device.name}")
    return found


_PAUSE = 0.01
