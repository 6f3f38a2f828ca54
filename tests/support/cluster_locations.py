"""The processes of locations on this machine whose engine is a cluster, from the home that ``TFNZ_HOME`` names."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from pathlib import Path

from tests.support.eventually import eventually


def pids() -> dict[Path, int]:
    """The processes of this home's locations, by their folder."""
    found = {}
    for file in Path(os.environ["TFNZ_HOME"]).glob("run/kubernetes*/location.json"):
        with contextlib.suppress(FileNotFoundError):
            found[file.parent] = int(json.loads(file.read_text())["pid"])
    return found


def end_locations() -> None:
    """Ask them to, and wait until they have."""
    for pid in pids().values():
        os.kill(pid, signal.SIGTERM)
    eventually(lambda: not pids(), within=60)
