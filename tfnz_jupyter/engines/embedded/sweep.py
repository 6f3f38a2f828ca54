"""What outlives a killed keeper: cgroups, and folders on disk. Safe at any time when no keeper of that state runs."""

from __future__ import annotations

import shutil
from pathlib import Path

from . import cgroups

HALF = ".half-"  # how the name of a layer begins while it is being unpacked


def clear(state: Path) -> None:
    """Remove the engine's cgroups and every container's folder."""
    cgroups.remove_all(cgroups.tag(state))
    clear_folders(state, keep=set())


def clear_folders(state: Path, keep: set[str]) -> None:
    """Remove the folders of containers that are no more; also safe while a keeper runs those to ``keep``."""
    containers = state / "containers"
    for folder in containers.iterdir() if containers.is_dir() else ():
        if folder.name not in keep:
            shutil.rmtree(folder, ignore_errors=True)


def clear_half_done(state: Path) -> None:
    """Remove layers whose unpacking was interrupted; nobody may be unpacking."""
    layers = state / "layers"
    for folder in layers.glob(f"{HALF}*") if layers.is_dir() else ():
        shutil.rmtree(folder, ignore_errors=True)
