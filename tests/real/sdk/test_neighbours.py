"""Containers that reach each other because they were allowed to, and what ends that."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.eventually import eventually
from tfnz_jupyter import Location
from tfnz_jupyter.errors import ContainerEnded, TfnzError, UsageError
from tfnz_jupyter.sdk.container import Container
from tfnz_jupyter.sdk.node import Node

SERVE = "exec nc -ll -p 80 -e echo hello"


@pytest.fixture
def server(node: Node) -> Container:
    """It greets on port 80."""
    container = node.spawn_container("busybox", command=SERVE)
    container.wait_tcp(80)
    return container


@pytest.fixture
def client(node: Node) -> Container:
    return node.spawn_container("busybox", command="sleep 1000")


def greeted(client: Container, server: Container) -> bool:
    """Whether one container hears another's greeting."""
    out, _err, _code = client.run_process(f"nc -w 10 {server.ip} 80 </dev/null")
    return out == b"hello\n"


def test_allowing_lets_one_in_and_disallowing_ends_it(server: Container, client: Container):
    client.wait_until_ready()
    assert not greeted(client, server)
    server.allow_connection_from(client)
    server.allow_connection_from(client)
    assert greeted(client, server)
    server.disallow_connection_from(client)
    server.disallow_connection_from(client)
    assert not greeted(client, server)


def test_allowing_leads_one_way(node: Node, server: Container):
    other = node.spawn_container("busybox", command=SERVE)
    other.wait_tcp(80)
    server.allow_connection_from(other)
    assert greeted(other, server)
    assert not greeted(server, other)


def test_allowing_waits_until_both_run(node: Node, server: Container):
    late = node.spawn_container("busybox", command="sleep 1000")
    server.allow_connection_from(late)
    assert greeted(late, server)


async def test_it_can_be_awaited(home: Path):
    location = await Location.aio()
    node = location.node()
    server = await node.spawn_container.aio("busybox", command=SERVE)
    client = await node.spawn_container.aio("busybox", command="sleep 1000")
    await server.wait_tcp.aio(80)
    await server.allow_connection_from.aio(client)
    out, *_ = await client.run_process.aio(f"nc -w 10 {server.ip} 80 </dev/null")
    assert out == b"hello\n"
    await location.disconnect.aio()


def test_what_has_ended_is_named_and_disallowing_it_does_nothing(
    server: Container, client: Container
):
    client.destroy()
    with pytest.raises(ContainerEnded, match=client.name):
        server.allow_connection_from(client)
    server.disallow_connection_from(client)


def test_a_container_that_never_came_to_be_says_why(node: Node, server: Container):
    failed = node.spawn_container("busybox", command=["no-such-command"])
    with pytest.raises(TfnzError, match="no-such-command"):
        server.allow_connection_from(failed)


@pytest.mark.parametrize("other", [None, "a name", 7])
def test_only_a_container_can_be_let_in(server: Container, other: object):
    with pytest.raises(UsageError, match="is not a container"):
        server.allow_connection_from(other)


def test_another_sessions_object_is_refused_with_the_way_to_do_it(server: Container):
    with Location() as other:
        theirs = other.node().spawn_container("busybox", command="sleep 100")
        with pytest.raises(UsageError, match="another session") as caught:
            server.allow_connection_from(theirs)
    assert "external_container" in caught.value.hint


def test_an_external_container_can_be_let_in_and_let_in_others(
    location: Location, client: Container, server: Container
):
    with Location() as other:
        theirs = other.node().spawn_container("busybox", command=SERVE, tag="their-own")
        theirs.wait_tcp(80)
        external = eventually(lambda: _external(location, "their-own"), within=5)
        external.allow_connection_from(client)
        server.allow_connection_from(external)
        assert greeted(client, external)
        assert greeted(theirs, server)


def _external(location: Location, tag: str) -> Container | None:
    try:
        return location.external_container(tag)
    except TfnzError:
        return None


def test_what_a_session_opened_between_others_ends_with_it(node: Node, location: Location):
    one = node.spawn_container("busybox", command=SERVE, tag="one")
    two = node.spawn_container("busybox", command="sleep 1000", tag="two")
    one.wait_tcp(80)
    with Location() as between:
        found = [eventually(lambda key=key: _external(between, key), 5) for key in ("one", "two")]
        found[0].allow_connection_from(found[1])
        assert greeted(two, one)
    eventually(lambda: not greeted(two, one), within=10)


def test_what_two_sessions_opened_outlives_one_of_them(node: Node, location: Location):
    one = node.spawn_container("busybox", command=SERVE, tag="one")
    two = node.spawn_container("busybox", command="sleep 1000", tag="two")
    one.wait_tcp(80)
    one.allow_connection_from(two)
    with Location() as between:
        found = [eventually(lambda key=key: _external(between, key), 5) for key in ("one", "two")]
        found[0].allow_connection_from(found[1])
    with Location():  # by now, what the one before it left has been seen to
        assert greeted(two, one)


def test_egress_says_whom_a_container_reaches(node: Node):
    """What each lets through is tested where there is a world to reach; here, that it arrives."""
    container = node.spawn_container("busybox", command="sleep 1000", egress="none")
    out, err, code = container.run_process("nslookup -timeout=1 somewhere.example")
    assert container.egress == "none"
    assert code != 0
    assert b"No route to host" in out + err


@pytest.mark.parametrize(
    ("egress", "why"),
    [
        ("everything", "has no meaning"),
        (["10.0.0.0/33"], "no IPv4 network"),
        (["fd00::/8"], "no IPv4 network"),
        (["example.com"], "no IPv4 network"),
        (["169.254.169.254/32"], "not reached by any list"),
    ],
)
def test_an_egress_without_meaning_is_refused_by_name(node: Node, egress: object, why: str):
    with pytest.raises(UsageError, match=why) as caught:
        node.spawn_container("busybox", egress=egress)
    assert caught.value.message.startswith("egress: ")


def test_the_location_checks_egress_itself(home: Path):
    """A program that does not use our SDK is told the same."""
    program = (
        "import tfnz_jupyter.sdk.node as node\n"
        "node.ways = type('Blind', (), {'valid': staticmethod(lambda given: given)})\n"
        "from tfnz_jupyter import Location\n"
        "c = Location().node().spawn_container('busybox', command='true', egress='bogus')\n"
        "try: c.wait_until_ready()\n"
        "except Exception as e: print(e)\n"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert b"'bogus' has no meaning" in said.stdout
