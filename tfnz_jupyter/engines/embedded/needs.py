"""What the embedded engine needs of a machine, and the command that mends what is missing."""

from __future__ import annotations

import os
import resource
import shutil
import sys
from collections.abc import Mapping

from ...errors import NotSupported
from ..base import Limits
from .bpf import PROFILE

_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_PROGRAMS = {"crun": "crun", "nft": "nftables", "sh": "dash", "zstd": "zstd"}


def check() -> None:
    """Raises ``NotSupported`` naming all that is missing."""
    if not sys.platform.startswith("linux"):
        raise NotSupported("the embedded engine needs Linux", hint="Use a location elsewhere.")
    if os.geteuid() != 0:
        raise NotSupported(
            "the embedded engine has to be root, be it of a user namespace, to make mounts",
            hint="Call its enter() first, as tfnz serve does, in a process with one thread.",
        )
    missing = [package for name, package in _PROGRAMS.items() if not shutil.which(name, path=_PATH)]
    if not PROFILE.exists():
        missing.append("golang-github-containers-common")
    if missing:
        raise NotSupported(
            f"the embedded engine needs {', '.join(missing)}",
            hint=f"apt-get install {' '.join(missing)}",
        )


def require_limits(limits: Limits, lacking: Mapping[str, str]) -> None:
    """Raises ``NotSupported`` for a limit that was asked for and would not hold; ``lacking``: controller -> why."""
    for name, limit, controller in (
        ("memory", limits.memory, "memory"),
        ("cpus", limits.cpus, "cpu"),
        ("pids", limits.pids, "pids"),
    ):
        if limit is not None and controller in lacking:
            raise NotSupported(
                f"{name}= is not supported on this machine: {lacking[controller]}",
                hint="Leave it out; the container then takes what it wants.",
            )


def rlimits() -> tuple[tuple[str, int, int], ...]:
    """Limits of every process in a container: never above our own hard ones, which we may be unable to raise."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return (
        ("RLIMIT_NOFILE", min(_OPEN_FILES, hard), min(_MOST_OPEN_FILES, hard)),
        ("RLIMIT_CORE", 0, 0),
    )


_OPEN_FILES = 65_536
_MOST_OPEN_FILES = 1_048_576
