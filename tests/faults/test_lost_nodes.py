"""A node that is lost takes its containers along, with their callbacks, and nothing else (D-4, D-5).

And what an engine finds out that it lacks is told to who is there already.
"""

import signal
import threading

import pytest

from tests.support.eventually import eventually
from tests.support.remote import LACKED, remote
from tfnz_jupyter import ContainerEnded, NotFound


@pytest.fixture
def lose(far):
    """Call it to have the location lose its node; it has it back after the test."""
    yield lambda: far.process.send_signal(signal.SIGUSR1)
    far.process.send_signal(signal.SIGUSR2)
    with far.session() as session:
        eventually(lambda: session.nodes, within=20)


def test_a_lost_node_ends_its_containers_and_the_session_lives_on(session, container, lose, far):
    told, node = threading.Event(), container.node()
    container.termination_callback = lambda c, code: told.set() if code is None else None
    booting = node.spawn_container("busybox", command=["sleep", "1000"])
    lose()
    assert told.wait(20)
    assert container.returncode is None
    assert "lost" in container.reason
    with pytest.raises(ContainerEnded, match="lost"):
        container.run_process("true")
    eventually(lambda: booting.dead, within=20)
    assert not session.dead
    with pytest.raises(NotFound):
        session.node()
    assert (node.stats.cpu, node.stats.memory) == (0, 0)
    far.process.send_signal(signal.SIGUSR2)
    eventually(lambda: session.nodes, within=20)
    assert session.node().spawn_container("busybox", command="exit 3").wait_exit(timeout=60) == 3


def test_a_node_that_comes_is_told(session, lose, far):
    came = threading.Event()
    lose()
    eventually(lambda: not session.nodes, within=20)
    session.new_node_callback = lambda node: came.set()
    far.process.send_signal(signal.SIGUSR2)
    assert came.wait(20)


def test_what_the_engine_finds_out_later_is_told_to_the_sessions_there_are(folder):
    home = folder / "l"
    home.mkdir()
    with remote(home) as location, location.session() as session:
        assert LACKED not in session.degraded
        location.process.send_signal(signal.SIGHUP)
        eventually(lambda: LACKED in session.degraded, within=10)
        assert LACKED in location.session().degraded
