"""Volumes: made, found, mounted, kept, brought back and destroyed, over sessions and over locations."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from tests.real.conftest import end_location, location_pid
from tests.support.eventually import eventually
from tfnz_jupyter import (
    Container,
    FileFailed,
    Location,
    NotFound,
    NotSupported,
    Refused,
    UsageError,
    Volume,
)


@pytest.fixture(autouse=True)
def none_left(home) -> Iterator[None]:
    """What a test made is destroyed after it; volumes outlive sessions."""
    yield
    with Location() as session:
        for container in session.externals:
            container.destroy()
        for volume in session.all_volumes():
            session.destroy_volume(volume)


@pytest.fixture
def other(home) -> Iterator[Location]:
    """Another session of the same user."""
    with Location() as session:
        yield session


def box(location: Location, volumes: object) -> Container:
    """A container that has volumes and does nothing."""
    made = location.node().spawn_container("busybox", command="exec sleep 3600", volumes=volumes)
    return made.wait_until_ready()


def test_what_is_on_a_volume_outlives_containers_sessions_and_locations(location: Location):
    volume = location.create_volume(tag="kept")
    box(location, [(volume, "/data")]).put("/data/note", b"hello")
    location.disconnect()
    end_location()
    with Location() as later:
        assert [found.uuid for found in later.all_volumes()] == [volume.uuid]
        assert later.volume("kept").created_at == volume.created_at
        assert box(later, {"kept": "/elsewhere"}).fetch("/elsewhere/note") == b"hello"


def test_containers_of_several_sessions_share_a_volume(location: Location, other: Location):
    volume = location.create_volume(tag="shared")
    one, two = box(location, [(volume, "/a")]), box(other, [("shared", "/b")])
    one.put("/a/f", b"from one")
    assert two.fetch("/b/f") == b"from one"
    assert one.volumes == [(volume, "/a")]


def test_every_session_sees_a_volume_come_and_go(location: Location, other: Location):
    """Without asking: what other sessions do is told."""
    told: list[tuple[Volume, int]] = []
    volume = location.create_volume(tag="seen")
    eventually(lambda: "seen" in other.volumes, within=5)
    other.volume("seen").termination_callback = lambda *what: told.append(what)
    mine: list[tuple[Volume, int]] = []
    volume.termination_callback = lambda *what: mine.append(what)
    other.destroy_volume(other.volume("seen"))
    eventually(lambda: told and mine, within=5)
    assert (mine, told[0][1]) == ([(volume, 0)], 0)
    assert volume.dead
    assert not location.volumes


def test_a_snapshot_is_what_a_rollback_brings_back_at_once_and_under_live_mounts(
    location: Location,
):
    """D-28: both verbs return when it is so, and there may be several snapshots."""
    volume = location.create_volume()
    one, two = box(location, [(volume, "/data")]), box(location, [(volume, "/data")])
    one.put("/data/f", b"first")
    volume.snapshot()
    one.put("/data/f", b"second")
    volume.snapshot("later")
    one.put("/data/f", b"third")
    assert volume.snapshots == ["", "later"]
    volume.rollback()
    assert (one.fetch("/data/f"), two.fetch("/data/f")) == (b"first", b"first")
    volume.rollback("later")
    assert (one.fetch("/data/f"), two.fetch("/data/f")) == (b"second", b"second")


def test_a_rollback_before_any_snapshot_empties(location: Location):
    volume = location.create_volume()
    container = box(location, [(volume, "/data")])
    container.put("/data/f", b"x")
    volume.rollback()
    assert container.list_files("/data") == []


def test_a_mounted_volume_is_not_destroyed(location: Location, other: Location):
    volume = location.create_volume(tag="busy")
    container = box(location, [(volume, "/data")])
    with pytest.raises(Refused, match=f"busy is mounted by {container.name}"):
        other.destroy_volume(other.volume("busy"))
    container.destroy()
    other.destroy_volume(other.volume("busy"))


def test_a_destroyed_volume_is_over(location: Location):
    volume = location.create_volume()
    location.destroy_volume(volume)
    for deed in (volume.snapshot, volume.rollback, lambda: location.destroy_volume(volume)):
        with pytest.raises(NotFound, match="was destroyed"):
            deed()
    with pytest.raises(NotFound):
        location.node().spawn_container("busybox", volumes=[(volume, "/data")])


def test_ensuring_finds_or_makes_whatever_the_case(location: Location, other: Location):
    """D-17: the ancestor never found again what had an upper-case letter in its tag."""
    volume = location.ensure_volume("My-Data")
    assert volume.tag == "my-data"
    assert location.ensure_volume("MY-data") is volume
    assert location.ensure_volume(volume.uuid) is volume
    assert location.ensure_volume(f"{volume.uuid}:my-data") is volume
    assert other.ensure_volume("my-data").uuid == volume.uuid


def test_ensuring_from_two_sessions_at_once_gives_one_volume(location: Location, other: Location):
    async def both() -> list[Volume]:
        asked = (session.ensure_volume.aio("together") for session in (location, other))
        return list(await asyncio.gather(*asked))

    one, two = asyncio.run(both())
    assert one.uuid == two.uuid
    assert len(location.volumes) == 1


@pytest.mark.parametrize("tag", ["", "!x", "-x", "with space", "x" * 64, "id:tag"])
def test_what_can_be_no_tag_is_refused_and_makes_nothing(location: Location, tag: str):
    """D-17."""
    for deed in (lambda: location.create_volume(tag=tag), lambda: location.ensure_volume(tag)):
        with pytest.raises(UsageError):
            deed()
    assert not location.volumes


def test_a_tag_is_used_once(location: Location, other: Location):
    location.create_volume(tag="mine")
    with pytest.raises(UsageError, match="'mine'"):
        other.create_volume(tag="Mine")
    with pytest.raises(UsageError, match="'mine'"):
        other.node().spawn_container("busybox", command="true", tag="mine")


def test_volumes_that_would_cover_each_other_are_refused(location: Location):
    one, two = location.create_volume(), location.create_volume()
    node = location.node()
    with pytest.raises(UsageError, match="/a/b would lie in /a"):
        node.spawn_container("busybox", volumes=[(one, "/a/b/"), (two, "//a")])
    with pytest.raises(UsageError, match="'data' is not where"):
        node.spawn_container("busybox", volumes=[(one, "data")])
    container = node.spawn_container("busybox", command="true", volumes=[(one, "/a"), (two, "/ab")])
    assert container.wait_exit() == 0


def test_what_is_not_there_is_named_with_what_is(location: Location):
    location.create_volume(tag="postgres-data")
    with pytest.raises(NotFound, match="postgres-data"):
        location.volume("postgres-date")
    with pytest.raises(NotFound, match="postgres-data"):
        location.node().spawn_container("busybox", volumes={"postgres-date": "/x"})


def test_writing_through_is_not_pretended(location: Location):
    with pytest.raises(NotSupported, match="asynchronous=False"):
        location.create_volume(asynchronous=False)


def test_disk_limits_what_a_container_writes(location: Location):
    container = location.node().spawn_container(
        "busybox", command="dd if=/dev/zero of=/f bs=1M count=64", disk=24 << 20
    )
    assert container.wait_exit(timeout=60) != 0
    assert b"uota" in container.logs()


def test_what_is_put_beyond_the_limit_is_an_error_that_names_it(location: Location):
    """D-13: the ancestor said nothing of quotas."""
    container = location.node().spawn_container("busybox", command="exec sleep 3600", disk=8 << 20)
    with pytest.raises(FileFailed, match="quota exceeded") as caught:
        container.put("/f", bytes(32 << 20))
    assert "disk=" in caught.value.hint
    container.destroy()


def test_what_is_put_over_a_large_file_takes_the_place_of_it(location: Location):
    container = location.node().spawn_container("busybox", command="exec sleep 3600", disk=64 << 20)
    for content in (b"a", b"b"):
        container.put("/f", content * (40 << 20))
    assert container.run_process("wc -c </f; tail -c 1 /f")[0] == b"41943040\nb"
    container.destroy()


def test_a_volume_is_not_limited_by_the_disk_of_its_container(location: Location):
    volume = location.create_volume()
    container = location.node().spawn_container(
        "busybox",
        command="dd if=/dev/zero of=/data/f bs=1M count=64",
        disk=24 << 20,
        volumes=[(volume, "/data")],
    )
    assert container.wait_exit(timeout=60) == 0


def test_a_rollback_is_seen_by_containers_that_outlived_a_killed_location(location: Location):
    volume = location.create_volume(tag="kept")
    container = box(location, [(volume, "/data")])
    container.put("/data/f", b"first")
    volume.snapshot()
    container.put("/data/f", b"second")
    pid = location_pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: location_pid() not in (None, pid), within=30)
    assert container.fetch("/data/f") == b"second"
    volume.rollback()
    assert container.fetch("/data/f") == b"first"
    with pytest.raises(Refused, match="mounted"):
        location.destroy_volume(volume)
