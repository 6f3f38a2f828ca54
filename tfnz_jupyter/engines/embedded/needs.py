"""What the embedded engine needs of a machine, and the command that mends what is missing."""

from __future__ import annotations

import os
import resource
import shutil
import sys

from ...errors import NotSupported
from .bpf import PROFILE

_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_PROGRAMS = {"crun": "crun", "nft": "nftables", "sh": "dash", "zstd": "zstd"}


def check() -> None:
    """Raises ``NotSupported`` naming all that is missing."""
    if not sys.platform.startswith("linux"):
        raise NotSupported("the embedded engine needs Linux", hint="Use a location elsewhere.")
    if os.geteuid() != 0:
        raise NotSupported(
            "the embedded engine needs root, to make namespaces and mounts",
            hint="Start it with sudo, or use a location elsewhere.",
        )
    missing = [package for name, package in _PROGRAMS.items() if not shutil.which(name, path=_PATH)]
    if not PROFILE.exists():
        missing.append("golang-github-containers-common")
    if missing:
        raise NotSupported(
            f"the embedded engine needs {', '.join(missing)}",
            hint=f"apt-get install {' '.join(missing)}",
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
