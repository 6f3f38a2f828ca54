"""A location of the tests' own, beside whatever this user has: started on first use, gone at the end with all it held."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.eventually import eventually
from tests.support.leaks import footprint
from tfnz_jupyter import Location
from tfnz_jupyter.folders import runtime_folder, state_folder


@pytest.fixture(scope="session")
def home() -> Iterator[Path]:
    """``TFNZ_HOME`` for the whole run: images are built once. Its path is short, for the sake of unix sockets."""
    folder = Path(tempfile.mkdtemp(prefix="tfnz-", dir="/tmp"))
    before = os.environ.get("TFNZ_HOME")
    os.environ["TFNZ_HOME"] = str(folder)
    try:
        yield folder
        end_location()
    finally:
        os.environ.pop("TFNZ_HOME")
        if before is not None:
            os.environ["TFNZ_HOME"] = before
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def location(home: Path) -> Iterator[Location]:
    """A session with it."""
    with Location() as session:
        yield session


@pytest.fixture
def before(location: Location) -> dict[str, set[str]]:
    """What is on this machine with a location that has run a container, and runs none."""
    location.node().spawn_container("busybox", command="true").wait_exit(timeout=60)
    return traces()


@pytest.fixture
def node(location: Location):
    """Its node."""
    return location.node()


def location_pid() -> int | None:
    """The process of the tests' location, if there is one."""
    try:
        return int(json.loads((runtime_folder() / "location.json").read_text())["pid"])
    except FileNotFoundError:
        return None


def end_location(number: int = signal.SIGTERM) -> None:
    """End it, and wait until nobody holds its lock."""
    lock = runtime_folder() / "serving.lock"
    eventually(lambda: location_pid() or not _is_locked(lock), within=20)  # it may be just starting
    if (pid := location_pid()) is not None and _is_locked(lock):
        os.kill(pid, number)
    eventually(lambda: not _is_locked(lock), within=20)


def traces() -> dict[str, set[str]]:
    """What the tests' location has on this machine at the moment."""
    return footprint(state_folder() / "engine")


def nothing_more(before: dict[str, set[str]]) -> bool:
    """Whether there is nothing that was not there before; fails saying what."""
    more = {kind: found - before[kind] for kind, found in traces().items()}
    assert not any(more.values()), more
    return True


def _is_locked(file: Path) -> bool:
    with file.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False
