"""The processes of locations on this machine whose engine is a cluster, from the home that ``TFNZ_HOME`` names."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.eventually import eventually
from tests.support.kubernetes_bench import Cluster, namespace_of_its_own


@contextlib.contextmanager
def at_home() -> Iterator[Cluster]:
    """A namespace, in which ``Location(location="kubernetes")`` has its containers, from a home of its own."""
    home = tempfile.mkdtemp(prefix="tfnz-", dir="/tmp")
    with namespace_of_its_own() as cluster, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TFNZ_HOME", home)
        patch.setenv("TFNZ_KUBERNETES_NAMESPACE", cluster.namespace)
        patch.setenv("TFNZ_KUBERNETES_REGISTRY", f"http://{os.environ['TFNZ_TEST_REGISTRY']}")
        try:
            yield cluster
        finally:
            end_locations()
            shutil.rmtree(home, ignore_errors=True)


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
