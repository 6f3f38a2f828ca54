"""What a location writes down for the one after it: found again whole, private, and gone with its session."""

import sqlite3
import stat

import pytest

from tfnz_jupyter.engines.base import ContainerSpec, ImageInfo, Limits
from tfnz_jupyter.server.openings import Opening
from tfnz_jupyter.server.store import ContainerRow, SessionRow, Store
from tfnz_jupyter.wire.messages import ContainerChanged, Spawn

SESSION = SessionRow("s1", "alice", b"k" * 32, b"secret", 42, "boot 7")
WISH = Spawn("c1", "web", "nginx", 1, 2, env=[("A", "b")], files=[("/x", b"\0\xff")], tag="web")
SPEC = ContainerSpec(
    "c1", "web", ImageInfo("nginx", "sha256:1", ()), ("nginx",), (("A", "b"),), "/", "",
    limits=Limits(memory=7),
)  # fmt: skip


@pytest.fixture
def file(tmp_path):
    return tmp_path / "sessions.sqlite"


def test_what_was_written_is_found_by_the_next_location(file):
    store = Store(file)
    store.session_began(SESSION)
    store.container_wished(
        ContainerRow("s1", "alice", WISH, ContainerChanged("c1", "preparing"), None)
    )
    store.opened("s1", Opening("c1", "c2"))
    again = Store(file)  # beside the first, which never closed it
    assert again.sessions() == [SESSION]
    assert again.containers() == [
        ContainerRow("s1", "alice", WISH, ContainerChanged("c1", "preparing"), None)
    ]
    assert again.openings() == [("s1", Opening("c1", "c2"))]


def test_a_container_is_found_as_it_was_last(file):
    store = Store(file)
    store.container_wished(
        ContainerRow("s1", "alice", WISH, ContainerChanged("c1", "preparing"), None)
    )
    store.container_changed(ContainerChanged("c1", "running"), 50, 2, (WISH, SPEC))
    news = ContainerChanged("c1", "ended", code=3, reason="exited")
    store.container_changed(news, 100, 5)
    assert Store(file).containers() == [ContainerRow("s1", "alice", WISH, news, SPEC, 100, 5)]


def test_a_session_that_ended_is_forgotten_with_all_it_had(file):
    store = Store(file)
    store.session_began(SESSION)
    store.container_wished(
        ContainerRow("s1", "alice", WISH, ContainerChanged("c1", "running"), None)
    )
    store.opened("s1", Opening("c1", "c2"))
    store.session_ended("s1")
    assert (store.sessions(), store.containers(), store.openings()) == ([], [], [])


def test_an_opening_that_was_closed_is_forgotten_for_all_who_asked(file):
    store = Store(file)
    for session in ("s1", "s2"):
        store.opened(session, Opening("c1", "c2"))
    store.closed(Opening("c1", "c2"))
    assert store.openings() == []


def test_its_file_is_private(file):
    Store(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"no database", b""])
def test_what_cannot_be_read_is_begun_anew(file, content):
    file.write_bytes(content)
    assert Store(file).sessions() == []


def test_what_another_version_wrote_is_begun_anew(file):
    with sqlite3.connect(file) as db:
        db.execute("CREATE TABLE sessions (id TEXT)")
        db.execute("INSERT INTO sessions VALUES ('s1')")
        db.execute("PRAGMA user_version = 999")
    assert Store(file).sessions() == []
