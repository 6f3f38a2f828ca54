"""How a container ended: the true code, the signal, or why nobody knows; and what is left of it then."""

from __future__ import annotations

import pytest

from tests.support.eventually import eventually
from tfnz_jupyter import ContainerEnded, Location, SessionEnded


@pytest.mark.parametrize(
    ("command", "code", "reason"),
    [
        ("exit 0", 0, "exited with code 0"),
        ("exit 42", 42, "exited with code 42"),
        (["/bin/sh", "-c", "kill -9 $$; sleep 1000 & wait"], None, None),
    ],
)
def test_the_reason_says_how(node, command, code, reason):
    container = node.spawn_container("busybox", command=command)
    if reason is None:  # the init of a namespace cannot kill itself: somebody else has to
        container.wait_until_ready(timeout=60)
        container.destroy()
        code, reason = 137, "destroyed"
    assert container.wait_exit(timeout=60) == code
    assert (container.reason, container.state) == (reason, "ended")


def test_too_much_memory_is_told_as_that(node):
    """busybox reads a line of zeros for ever."""
    container = node.spawn_container(
        "busybox", command="head -c 200000000 /dev/zero | tail -c 200000000 | wc -c; exec tail /dev/zero",
        memory=24 << 20,
    )  # fmt: skip
    assert container.wait_exit(timeout=60) == 137
    assert "out of memory" in container.reason


def test_an_ended_container_keeps_its_log_and_code_and_refuses_the_rest(node):
    container = node.spawn_container("busybox", command="echo last words; exit 5")
    assert container.wait_exit(timeout=60) == 5
    assert container.logs() == b"last words\n"
    assert (container.returncode, container.ip, container.all_processes()) == (5, None, [])
    for verb in (
        container.destroy,
        container.private_ip,
        lambda: container.run_process("true"),
        lambda: container.spawn_shell(),
        lambda: container.stdin(b"x"),
        lambda: container.attach_tunnel(80),
        lambda: container.resize(80, 24),
    ):
        with pytest.raises(ContainerEnded, match="last words"):
            verb()


def test_the_end_of_the_session_is_told_by_everything_in_it(home):
    told = []
    with Location() as session:
        container = session.node().spawn_container(
            "busybox",
            command="echo up; exec sleep 1000",
            termination_callback=lambda c, code: told.append(code),
        )
        container.wait_log("up", timeout=60)
        process = container.spawn_process("sleep 1000")
    eventually(lambda: container.dead and process.dead, within=10)
    eventually(lambda: told == [None], within=10)
    assert container.logs() == b"up\n"
    with pytest.raises(SessionEnded):
        container.run_process("true")
