"""What this machine has, and lacks, for the embedded engine; or what another engine gives; each with what mends it.

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
from importlib import import_module, resources
from pathlib import Path

from ..blocking import block
from ..errors import TfnzError, UsageError
from ..folders import config_folder
from ..homes import EMBEDDED_HOME, Home
from .machine import control_groups, disk, kernel, privileges, tun
from .report import Check, Report, State

__all__ = ["Check", "Report", "State", "debian_packages", "examine"]

_SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin")  # not on every user's PATH


#: The other engines: who looks at them, a module of this package with ``async def look(options)``, and what is looked at.
_OTHERS = {
    "docker": (".docker", "The Docker or Podman hosts"),
    "kubernetes": (".cluster", "The cluster as this account sees it"),
}


def examine(told: Iterable[str] = (), home: Home = EMBEDDED_HOME) -> Report:
    """Look at this machine, or at what another engine would use.

    Args:
        told: what a running location's engine says it cannot give, a sentence each.
        home: the location on this machine whose engine is meant.

    Raises:
        UsageError: nobody here knows that engine.
        NotSupported: it needs a package that is not installed.
    """
    if home.engine != EMBEDDED_HOME.engine:
        return _examine_other(home, told)
    checks = [*_packages(), *kernel(), privileges(), control_groups(), tun()]
    checks.extend(Check("the engine says", "degraded", sentence) for sentence in told)
    try:
        checks.append(disk(home.state))
        return Report(tuple(checks), _places(home), _answers(home.runtime / "location.sock"))
    except (TfnzError, OSError) as problem:
        checks.append(
            Check("folders", "missing", str(problem), "set TFNZ_HOME to a folder of yours")
        )
        return Report(tuple(checks), (), False)


def _examine_other(home: Home, told: Iterable[str]) -> Report:
    if home.engine not in _OTHERS:
        known = ", ".join((EMBEDDED_HOME.engine, *_OTHERS))
        raise UsageError(f"there is no doctor for {home.engine!r}", hint=f"There is for: {known}.")
    name, subject = _OTHERS[home.engine]
    checks = list(block(import_module(name, __package__).look(dict(home.options))))
    checks.extend(Check("the engine says", "degraded", sentence) for sentence in told)
    running = _answers(home.runtime / "location.sock")
    return Report(tuple(checks), _places(home), running, subject)


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


def _places(home: Home) -> tuple[tuple[str, str], ...]:
    return (
        ("keys", str(config_folder())),
        ("images and containers", str(home.state)),
        ("sockets", str(home.runtime)),
        ("log", str(home.runtime / "location.log")),
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
