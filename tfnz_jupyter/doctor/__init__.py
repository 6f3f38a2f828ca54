"""What this machine has, and lacks, for the embedded engine; each with the command that mends it.

Looking starts nothing and changes nothing but to make the user's own empty folders: files and ``/proc`` are read, one
socket is knocked at. The shell (``tfnz doctor``) and the notebook (``%tf doctor``) show the same :class:`Report`; what
only a running location knows (its engine's own list of what is degraded) is handed in.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import socket
from collections.abc import Iterable
from importlib import resources
from pathlib import Path

from ..errors import TfnzError
from ..folders import config_folder, runtime_folder, state_folder
from .machine import control_groups, disk, kernel, privileges, tun
from .report import Check, Report, State

__all__ = ["Check", "Report", "State", "debian_packages", "examine"]

_SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin")  # not on every user's PATH


def examine(told: Iterable[str] = ()) -> Report:
    """Look at this machine.

    Args:
        told: what a running location's engine says this machine cannot give, a sentence each.
    """
    checks = [*_packages(), *kernel(), privileges(), control_groups(), tun()]
    checks.extend(Check("the engine says", "degraded", sentence) for sentence in told)
    try:
        checks.append(disk(state_folder()))
        return Report(tuple(checks), _places(), _answers(runtime_folder() / "location.sock"))
    except (TfnzError, OSError) as problem:
        checks.append(
            Check("folders", "missing", str(problem), "set TFNZ_HOME to a folder of yours")
        )
        return Report(tuple(checks), (), False)


def debian_packages() -> list[dict[str, str | bool]]:
    """The Debian packages the embedded engine uses: package, probe, needed, why."""
    text = resources.files(__package__).joinpath("debian-packages.json").read_text("utf-8")
    return list(json.loads(text))


def _packages() -> list[Check]:
    return [_package(**entry) for entry in debian_packages()]  # type: ignore[arg-type]  # JSON


def _package(package: str, probe: str, needed: bool, why: str) -> Check:
    if _present(probe):
        return Check(package, "ok", why)
    state: State = "missing" if needed else "degraded"
    return Check(package, state, why, f"apt-get install {package}", package)


def _present(probe: str) -> bool:
    """Whether a file (absolute), a shared library (lib*.so.N) or a program (anything else) is there."""
    if probe.startswith("/"):
        return os.path.exists(probe)
    if ".so." in probe:
        return _loads(probe)
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *_SBIN])
    return shutil.which(probe, path=path) is not None


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _places() -> tuple[tuple[str, str], ...]:
    return (
        ("keys", str(config_folder())),
        ("images and containers", str(state_folder())),
        ("sockets", str(runtime_folder())),
        ("log", str(runtime_folder() / "location.log")),
    )


def _answers(path: Path) -> bool:
    """Whether somebody listens on the unix socket ``path``."""
    with socket.socket(socket.AF_UNIX) as knock:
        knock.settimeout(1)
        try:
            knock.connect(str(path))
        except OSError:
            return False
        return True
