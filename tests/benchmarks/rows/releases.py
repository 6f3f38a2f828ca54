"""Kernels of other releases of ipykernel than the one that is installed, for a server of the benchmarks' own."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from tests.support.lab import Lab

INSTALLED = version("ipykernel")


def kernel_of(lab: Lab, release: str) -> str:
    """The name of a kernel with that release of ipykernel, and all else as it is here; it is installed beside."""
    if release == INSTALLED:
        return "python3"
    place = lab.folder / f"ipykernel-{release}"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
    subprocess.run([*install, str(place), f"ipykernel=={release}"], check=True)
    name = f"ipykernel-{release}"
    _describe(lab.folder / "data" / "kernels" / name, name, place)
    return name


def _describe(folder: Path, name: str, first: Path) -> None:
    """A kernel whose modules are sought in ``first`` before anywhere else."""
    code = f"import sys; sys.path.insert(0, {str(first)!r}); from ipykernel.kernelapp import launch_new_instance as go; go()"
    argv = [sys.executable, "-c", code, "-f", "{connection_file}"]
    folder.mkdir(parents=True)
    about = {"argv": argv, "display_name": name, "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(about))
