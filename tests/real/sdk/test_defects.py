"""What broke sessions and locations of the system before this one, done on purpose: here it breaks nothing.

Named by the numbers that ``tests/README.md`` lists; those that have a test of their own elsewhere are named there.
"""

from __future__ import annotations

import asyncio
import socket
import stat
import threading

import pytest

from tests.real.conftest import location_pid
from tests.support.eventually import eventually
from tfnz_jupyter import Ended, Location, NotFound, SessionEnded, UsageError
from tfnz_jupyter.blocking import block, loop
from tfnz_jupyter.errors import TfnzError
from tfnz_jupyter.folders import config_folder
from tfnz_jupyter.sdk.handle import new_id
from tfnz_jupyter.wire import messages as m

SLEEP = ["sleep", "1000"]


@pytest.fixture
def container(location: Location):
    """One that runs."""
    return location.node().spawn_container("busybox", command=SLEEP).wait_until_ready(60)


def is_well(location: Location) -> bool:
    """Whether the session goes on as if nothing had been."""
    made = location.node().spawn_container("busybox", command="exit 5")
    return made.wait_exit(60) == 5 and not location.dead


def test_d1_a_container_that_cannot_start_costs_itself_alone(location, node):
    with pytest.raises(TfnzError, match="no-such-command"):
        node.spawn_container("busybox", command=["no-such-command"]).wait_until_ready(60)
    assert is_well(location)


def test_d1_output_that_is_no_text_is_output(location, container):
    printed = bytes(range(256)) * 100
    assert (
        container.run_process(["printf", "".join(f"\\{n:03o}" for n in range(256)) * 100])[0]
        == printed
    )
    assert is_well(location)


def test_d1_a_character_cut_in_two_is_two_chunks_and_nothing_else(location, node):
    got = []
    made = node.spawn_container(
        "busybox",
        command=r"printf '\303'; sleep 0.2; printf '\244'",
        stdout_callback=lambda c, data: got.append(data),
    )
    made.wait_exit(60)
    eventually(lambda: b"".join(got).decode() == "ä", within=5)
    assert is_well(location)


def test_d1_a_callback_that_raises_is_reported_and_nothing_else(location, node, capsys):
    def fails(*_: object) -> None:
        raise ValueError("a bug of the user's")

    made = node.spawn_container(
        "busybox", command="echo hi", stdout_callback=fails, termination_callback=fails
    )
    made.wait_exit(60)
    assert is_well(location)
    assert made.dead


def test_d1_a_connection_that_nobody_takes_costs_itself_alone(location, container):
    tunnel = container.attach_tunnel(81)
    for _ in range(20):
        socket.create_connection(("127.0.0.1", tunnel.localport())).close()
    assert is_well(location)


def test_d1_a_rollback_that_cannot_be_is_an_error_of_the_call(location):
    volume = location.create_volume()
    with pytest.raises(NotFound, match="no snapshot"):
        volume.rollback("never-made")
    location.destroy_volume(volume)
    assert is_well(location)


def test_d2_a_tag_used_twice_is_refused_to_the_caller_and_the_location_lives(location, node):
    pid = location_pid()
    node.spawn_container("busybox", command=SLEEP, tag="d2")
    with pytest.raises(UsageError, match="'d2'"):
        node.spawn_container("busybox", command=SLEEP, tag="d2")
    assert is_well(location)
    assert location_pid() == pid


def test_d3_a_name_that_is_not_ones_own_is_refused_and_the_location_lives(location, container):
    pid = location_pid()
    wish = m.Publish(new_id(), "web.example.com", [container.uuid])
    with pytest.raises(UsageError, match=r"example\.com"):
        block(location._connection.call(wish))
    assert is_well(location)
    assert location_pid() == pid


def test_d4_a_node_that_goes_away_ends_no_session(location, node):
    came = []
    location.new_node_callback = came.append
    loop().call_soon_threadsafe(location.heard, m.NodesChanged([]))
    eventually(lambda: [one.name for one in came] == [node.name], within=10)
    assert is_well(location)


def test_d6_what_fails_says_so_at_once_and_is_no_time_out(location, node):
    made = node.spawn_container("no-such-image-anywhere:1", command=SLEEP)
    with pytest.raises(NotFound):
        made.wait_until_ready(timeout=60)


def test_d7_who_waits_for_an_answer_when_the_session_ends_is_told_that_it_ended(home):
    session = Location()
    container = session.node().spawn_container("busybox", command=SLEEP)
    container.wait_until_ready(60)
    raised: list[BaseException] = []

    def waits() -> None:
        try:
            container.run_process("echo begun; sleep 1000")
        except BaseException as problem:
            raised.append(problem)

    waiting = threading.Thread(target=waits)
    waiting.start()
    eventually(lambda: len(container.all_processes()) == 1, within=10)
    session.disconnect()
    waiting.join(10)
    assert [isinstance(problem, SessionEnded | Ended) for problem in raised] == [True]
    with pytest.raises(SessionEnded):
        session.node()


def test_d9_a_quiet_container_is_heard_after_thousands_of_calls(location, node):
    got = []
    quiet = node.spawn_container(
        "busybox",
        command="read line; echo $line",
        stdout_callback=lambda c, data: got.append(data),
        termination_callback=lambda c, code: got.append(code),
    )
    quiet.wait_until_ready(60)

    async def ask() -> None:
        for _ in range(30):
            await asyncio.gather(*(location.images.aio() for _ in range(100)))

    asyncio.run(ask())
    quiet.stdin(b"at last\n")
    eventually(lambda: got == [b"at last\n", 0], within=10)


def test_d10_what_was_asked_just_before_a_disconnect_is_done(home, location):
    with Location() as session:
        volume = session.create_volume(tag="d10")
        session.destroy_volume(volume)
    with pytest.raises(NotFound):
        location.volume("d10")


def test_d10_disconnect_may_be_a_termination_callback(home):
    session = Location()
    session.node().spawn_container(
        "busybox", command="true", termination_callback=session.disconnect
    )
    eventually(lambda: session.dead, within=60)


def test_s6_secrets_are_files_of_their_user_alone(location):
    for file in config_folder().rglob("*"):
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file


def test_s6_tunnels_and_ssh_servers_listen_on_this_machine_alone(container):
    tunnel, server = container.attach_tunnel(80), container.create_ssh_server()
    assert (tunnel.bind, server.bind) == ("127.0.0.1", "127.0.0.1")
