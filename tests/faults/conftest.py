"""A location behind a network that these tests break."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.proxy import Proxy, proxy
from tests.support.remote import Remote, Session, remote


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """Where everything of these tests lies; its path is short, for the sake of unix sockets."""
    before = os.environ.get("TFNZ_HOME")
    with tempfile.TemporaryDirectory(prefix="tfnz-f-", dir="/tmp", ignore_cleanup_errors=True) as d:
        os.environ["TFNZ_HOME"] = d
        yield Path(d)
        os.environ.pop("TFNZ_HOME")
    if before is not None:
        os.environ["TFNZ_HOME"] = before


@pytest.fixture(scope="session")
def far(folder: Path) -> Iterator[Remote]:
    """A location that is reached over TCP."""
    with remote(folder) as location:
        yield location


@pytest.fixture
def net(far: Remote) -> Iterator[Proxy]:
    """The way to it."""
    with proxy(far.port) as way:
        yield way


@pytest.fixture
def session(far: Remote, net: Proxy) -> Iterator[Session]:
    """A session with it, over that way."""
    with far.session(net.port) as place:
        yield place


@pytest.fixture
def container(session: Session):
    """One that runs until it is told to end."""
    made = session.node().spawn_container("busybox", command=["sleep", "1000"])
    return made.wait_until_ready(timeout=60)
