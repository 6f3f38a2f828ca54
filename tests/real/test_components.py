"""Ready-made services: up when they say so, used by real clients, their data on volumes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from tfnz_jupyter import (
    CommandFailed,
    ContainerEnded,
    Location,
    Postgresql,
    Redis,
    TimedOut,
    UsageError,
    Volume,
)

_PATIENCE = 300  # the image may have to be built first
pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def volume(location: Location) -> Iterator[Volume]:
    """Of the test alone; what mounts it is destroyed first."""
    made = location.create_volume()
    yield made
    for container in location.containers.values():
        if not container.dead:
            container.destroy()
    location.destroy_volume(made)


def psql(database: Postgresql, script: str, *, name: str = "postgres") -> str:
    """This machine's client, through a tunnel, with a password."""
    tunnel = next(iter(database.all_tunnels()), None) or database.attach_tunnel(database.port)
    command = ["psql", "-h", "127.0.0.1", "-p", str(tunnel.localport()), "-U", database.user]
    done = subprocess.run(
        [*command, "-d", name, "-X", "-At", "-v", "ON_ERROR_STOP=1", "-c", script],
        env={**os.environ, "PGPASSWORD": database.password},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_million_rows_survive_the_container_and_a_rollback_brings_back_the_snapshot(
    location: Location, volume: Volume
):
    rows = "SELECT g AS id, md5(g::text) AS word FROM generate_series(1, 1000000) g"
    first = Postgresql(location.node(), volume)
    first.wait_truly_up(timeout=_PATIENCE)
    assert first.ensure_database("shop") is True
    assert first.ensure_database("shop") is False
    psql(first, f"CREATE TABLE items AS {rows}", name="shop")
    volume.snapshot()
    psql(first, "DELETE FROM items WHERE id % 2 = 0", name="shop")
    first.destroy()

    second = Postgresql(location.node(), volume, password="other p'ass\"word")
    second.wait_truly_up(timeout=_PATIENCE)
    assert psql(second, "SELECT count(*) FROM items", name="shop") == "500000"
    second.destroy()
    volume.rollback()

    third = Postgresql(location.node(), volume)
    third.wait_truly_up(timeout=_PATIENCE)
    counted = "SELECT count(*), md5(string_agg(word, ',' ORDER BY id)) FROM items"
    expected = psql(
        third, f"SELECT count(*), md5(string_agg(word, ',' ORDER BY id)) FROM ({rows}) t"
    )
    assert psql(third, counted, name="shop") == expected


def test_a_service_is_its_container_where_it_is_nothing_of_its_own(
    location: Location, volume: Volume
):
    database = Postgresql(location.node(), volume)
    database.wait_until_ready(timeout=_PATIENCE)
    assert database.is_ready()
    assert repr(database) == f"<Postgresql {database.name} up>"
    web = location.node().spawn_container("busybox", command="exec sleep 3600")
    database.allow_connection_from(web)
    web.allow_connection_from(database)  # as an argument, too
    assert web.run_process(f"nc -w2 {database.ip} 5432 </dev/null")[2] == 0
    with pytest.raises(CommandFailed, match="psql"):
        database.ensure_database("")
    location.node().destroy_container(database)
    assert not database.is_ready()


def test_a_redis_keeps_what_it_was_told(location: Location, volume: Volume):
    first = Redis(location.node(), volume)
    first.wait_truly_up(timeout=_PATIENCE)
    said = {"REDISCLI_AUTH": first.password}
    assert first.run_process(["redis-cli", "set", "a", "b"], env=said)[0] == b"OK\n"
    assert b"NOAUTH" in first.run_process(["redis-cli", "get", "a"])[0]
    first.destroy()
    second = Redis(location.node(), volume, password="another one'")
    second.wait_truly_up(timeout=_PATIENCE)
    said = {"REDISCLI_AUTH": second.password}
    assert second.run_process(["redis-cli", "get", "a"], env=said)[0] == b"b\n"


def test_a_service_that_cannot_come_up_says_why(location: Location, volume: Volume):
    ending = Redis(location.node(), image="busybox")  # has no such entrypoint
    with pytest.raises(Exception, match=r"docker-entrypoint\.sh"):
        ending.wait_truly_up(timeout=_PATIENCE)
    silent = Postgresql(location.node(), volume, image="busybox")
    with pytest.raises(TimedOut, match=r"does not answer after 0\.5 s"):
        silent.wait_truly_up(timeout=0.5)
    silent.destroy()
    with pytest.raises(ContainerEnded):
        silent.wait_truly_up(timeout=_PATIENCE)


@pytest.mark.parametrize("password", ["", "two\nlines", "nul\0"])
def test_a_password_that_cannot_be_one_is_refused(
    location: Location, volume: Volume, password: str
):
    for service in (Postgresql, Redis):
        with pytest.raises(UsageError, match="password"):
            service(location.node(), volume, password=password)
