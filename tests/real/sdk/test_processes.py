"""Processes beside a container's command: whose, where, for how long, and how they end."""

from __future__ import annotations

import asyncio
import signal
import threading

import pytest

from tests.support.eventually import eventually
from tfnz_jupyter import EngineFailed, TimedOut, UsageError


@pytest.fixture
def container(node):
    return node.spawn_container(
        "busybox", command="exec sleep 1000", env={"COLOUR": "red", "A": "=x=y"}, workdir="/tmp"
    )


def living(container) -> list[bytes]:
    """The sleeps that run, but for the container's own."""
    lines = [line.strip() for line in container.run_process("ps -o args")[0].splitlines()]
    return sorted(line for line in lines if line.startswith(b"sleep 7"))


def test_a_process_has_the_containers_folder_and_environment(container):
    assert container.run_process("pwd; echo $COLOUR $A") == (b"/tmp\nred =x=y\n", b"", 0)


def test_a_process_may_have_its_own(container):
    out, _, _ = container.run_process(
        "pwd; echo $COLOUR $MORE; id -u", cwd="/etc", env={"MORE": "it's"}, user="1000"
    )
    assert out == b"/etc\nred it's\n1000\n"


@pytest.mark.parametrize(
    "wrong",
    [{"cwd": "relative"}, {"env": {"A=B": "c"}}, {"user": ""}, {"user": True}, {"timeout": -1}],
)
def test_a_wrong_argument_is_refused_in_the_call(container, wrong):
    with pytest.raises(UsageError):
        container.run_process("true", **wrong)


def test_an_unknown_user_or_folder_is_named(container):
    with pytest.raises(UsageError, match="'nobody-here'"):
        container.run_process("true", user="nobody-here")
    with pytest.raises(EngineFailed, match="working directory"):
        container.run_process("true", cwd="/no/such/folder")


def test_a_process_finds_its_input_and_then_its_end(container):
    data = bytes(range(256)) * 8192
    assert container.run_process("md5sum; cat", input=data)[2] == 0
    assert container.run_process(["cat"], input=data)[0] == data
    assert container.run_process("exec <&-; sleep 0.1; echo fine", input=data)[0] == b"fine\n"


def test_a_timeout_kills_the_process_with_all_it_started(container):
    with pytest.raises(TimedOut, match="still runs after"):
        container.run_process("setsid sleep 7001 & sleep 7002", timeout=0.3)
    eventually(lambda: living(container) == [], within=10)
    assert container.run_process("echo well", timeout=30)[0] == b"well\n"


def test_destroying_asks_first(container):
    told, printed = threading.Event(), []
    process = container.spawn_process(
        "trap 'echo bye; exit 5' TERM; echo up; while :; do sleep 0.02; done",
        data_callback=lambda p, data: printed.append(data),
        termination_callback=lambda p, code: told.set(),
    )
    eventually(lambda: b"up\n" in printed, within=10)
    container.destroy_process(process, grace=60)
    assert process.returncode == 5
    assert told.wait(5)
    assert b"".join(printed).endswith(b"bye\n")
    assert container.all_processes() == []


def test_destroying_kills_who_does_not_listen_and_whoever_it_started(container):
    process = container.spawn_process(
        "trap '' TERM; (setsid sleep 7003 &); sleep 7004 & while :; do sleep 0.05; done"
    )
    eventually(lambda: len(living(container)) == 2, within=10)
    container.destroy_process(process, grace=0.2)
    assert process.returncode == 128 + signal.SIGKILL
    eventually(lambda: living(container) == [], within=10)


def test_only_a_live_process_of_the_container_can_be_destroyed(node, container):
    process = container.spawn_process("true")
    process.wait_exit(timeout=20)
    with pytest.raises(UsageError, match="not a live process"):
        container.destroy_process(process)
    other = node.spawn_container("busybox", command="exec sleep 1000")
    with pytest.raises(UsageError, match="not a live process"):
        other.destroy_process(container.spawn_process("sleep 7005"))


def test_a_process_that_ends_by_itself_may_leave_a_daemon(container):
    container.run_process("setsid sleep 7006 >/dev/null 2>&1 &")
    assert living(container) == [b"sleep 7006"]


def test_any_number_run_at_once(container):
    async def all_of_them():
        jobs = (container.run_process.aio(f"echo {n}; exit {n % 3}") for n in range(40))
        return await asyncio.gather(*jobs)

    found = asyncio.run(all_of_them())
    assert found == [(b"%d\n" % n, b"", n % 3) for n in range(40)]
    assert container.all_processes() == []
