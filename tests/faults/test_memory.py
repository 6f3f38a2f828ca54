"""However much is printed and however slowly it is read, both ends stay small, and nobody waits for who does not read."""

import os
import threading

import pytest

from tests.support.eventually import eventually
from tests.support.memory import Growth

BOUND = 64 * 1024 * 1024
PRINTED = 40_000_000


@pytest.fixture
def growth(far, container):
    """Of both ends, from the moment a container runs."""
    return Growth({"program": os.getpid(), "location": far.process.pid})


def small(growth):
    growth.look()
    assert max(growth.most.values()) < BOUND, growth
    return True


def test_a_flood_into_a_slow_link_is_skipped_and_counted_and_requests_go_through(
    session, container, net, growth
):
    net.rate = 1_000_000
    flood = session.node().spawn_container("busybox", command=f"yes | head -c {PRINTED}")
    while not flood.dead:
        assert small(growth)
        assert container.run_process("echo prompt")[0] == b"prompt\n"
    net.rate = 0
    flood.wait_exit(timeout=60)
    assert flood.log.lost_bytes > PRINTED // 2
    assert flood.log.total == PRINTED // 2  # lines that came, and lines that are counted as lost


def test_a_callback_that_blocks_holds_back_its_own_container_alone(session, container, growth):
    let_go, got = threading.Event(), []

    def take(_, data):
        got.append(len(data))
        let_go.wait(60)

    stuck = session.node().spawn_container(
        "busybox", command=f"seq 1 {PRINTED}", stdout_callback=take
    )
    eventually(lambda: got, within=60)
    for _ in range(5):
        assert container.run_process("seq 1 200000")[0].endswith(b"\n200000\n")
        assert small(growth)
    assert len(got) == 1
    assert not stuck.dead
    let_go.set()
    stuck.destroy()
