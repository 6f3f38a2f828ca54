"""Containers through the whole stack: what they print, how they end, what can be done with them meanwhile."""

import asyncio
import os
import signal
import sys
import threading
import time

import pytest

from tests.support.eventually import eventually
from tfnz_jupyter import (
    ContainerEnded,
    EngineFailed,
    ImageNotFound,
    NotFound,
    TimedOut,
    UsageError,
)


@pytest.fixture
def sleeper(node):
    return node.spawn_container("busybox", command=["sleep", "1000"]).wait_until_ready()


def test_spawning_returns_at_once_and_using_waits(node):
    began = time.monotonic()
    container = node.spawn_container("busybox", command=["sleep", "1000"])
    assert time.monotonic() - began < 0.5
    assert container.state in ("preparing", "booting", "running")
    assert container.run_process(["echo", "there"]) == (b"there\n", b"", 0)


@pytest.mark.parametrize(("command", "code"), [("exit 0", 0), ("exit 7", 7), ("exit 255", 255)])
def test_the_exit_code_is_the_true_one(node, command, code):
    ended = threading.Event()
    told = []
    container = node.spawn_container(
        "busybox",
        command=command,
        termination_callback=lambda c, code: (told.append((c, code)), ended.set()),
    )
    assert container.wait_exit(timeout=30) == container.returncode == code
    assert ended.wait(5)
    assert told == [(container, code)]


def test_what_it_prints_reaches_the_callback_whole_and_in_order(node):
    got = []
    container = node.spawn_container(
        "busybox",
        command="i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done",
        stdout_callback=lambda c, data: got.append(data),
    )
    container.wait_exit(timeout=60)
    eventually(lambda: b"line 19999\n" in b"".join(got[-2:]), within=10)
    assert b"".join(got) == b"".join(b"line %d\n" % n for n in range(20000))


def test_a_stderr_callback_takes_stderr_alone(node):
    out, err = [], []
    container = node.spawn_container(
        "busybox",
        command="echo to-out; echo to-err >&2",
        stdout_callback=lambda c, data: out.append(data),
        stderr_callback=lambda c, data: err.append(data),
    )
    container.wait_exit(timeout=30)
    eventually(lambda: (b"".join(out), b"".join(err)) == (b"to-out\n", b"to-err\n"), within=5)


def test_a_raising_callback_is_reported_and_nothing_else_happens(node, capsys):
    container = node.spawn_container(
        "busybox", command="echo x; read line; exit 3", stdout_callback=lambda c, data: 1 / 0
    )
    eventually(lambda: "ZeroDivisionError" in capsys.readouterr().err, within=10)
    container.stdin(b"\n")
    assert container.wait_exit(timeout=10) == 3


def test_env_workdir_and_pre_boot_files_are_there_before_the_command(node):
    container = node.spawn_container(
        "busybox",
        env={"GREETING": "a=b 'c'"},
        workdir="/srv/deep",
        pre_boot_files={"/srv/deep/file": "first\n"},
        command='echo "$GREETING"; pwd; cat file',
    )
    assert container.wait_exit(timeout=30) == 0
    assert container.logs() == b"a=b 'c'\n/srv/deep\nfirst\n"


def test_a_container_reads_its_standard_input_to_the_end(node):
    container = node.spawn_container("busybox", command="wc -c")
    container.stdin(b"x" * 3_000_000)
    container.stdin_eof()
    assert container.wait_exit(timeout=30) == 0
    assert container.logs() == b"3000000\n"


def test_a_process_has_its_own_streams_and_code(sleeper):
    out, err, code = sleeper.run_process("echo out; echo err >&2; exit 9")
    assert (out, err, code) == (b"out\n", b"err\n", 9)


def test_a_process_that_reads_its_input_finds_it_ended(sleeper):
    assert sleeper.run_process(["cat"]) == (b"", b"", 0)


def test_an_interrupted_run_is_no_longer_among_the_processes(sleeper):
    async def cancelled():
        running = asyncio.ensure_future(sleeper.run_process.aio("exec sleep 7654"))
        await asyncio.to_thread(eventually, sleeper.all_processes, 10)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(cancelled())
    eventually(lambda: b"7654" not in sleeper.run_process("ps -o args")[0], within=5)
    eventually(lambda: not sleeper.all_processes(), within=5)


def test_a_callback_may_destroy_its_own_flooding_container(node):
    done = threading.Event()

    def too_much(container, data):
        if not done.is_set():
            container.destroy()
            done.set()

    container = node.spawn_container("busybox", command=["yes"], stdout_callback=too_much)
    assert done.wait(20)
    assert container.wait_exit(timeout=20) is not None


def test_a_container_that_ends_under_a_blocked_callback_is_freed_and_loses_nothing(node):
    go, got = threading.Event(), []
    container = node.spawn_container(
        "busybox",
        command="head -c 3000000 /dev/zero",
        stdout_callback=lambda c, data: (go.wait(60), got.append(len(data))),
    )
    eventually(lambda: container.dead, within=20)
    go.set()
    assert container.wait_exit(timeout=20) == 0
    eventually(lambda: sum(got) == 3_000_000, within=20)


def test_a_callback_that_exits_ends_neither_the_container_nor_its_callbacks(node, capsys):
    ended = threading.Event()
    container = node.spawn_container(
        "busybox",
        command="echo x; read line",
        stdout_callback=lambda c, data: sys.exit(1),
        termination_callback=lambda c, code: ended.set(),
    )
    container.stdin(b"\n")
    assert ended.wait(20)
    assert "SystemExit" in capsys.readouterr().err


def test_a_callback_may_be_given_later(node):
    got = []
    container = node.spawn_container("busybox", command="read x; echo late")
    container.stdout_callback = lambda c, data: got.append(data)
    container.stdin(b"\n")
    container.wait_exit(timeout=30)
    eventually(lambda: got == [b"late\n"], within=5)


def test_a_search_in_a_flood_keeps_its_time_and_holds_up_nobody(node, location):
    flooding = node.spawn_container("busybox", command=["yes"]).wait_until_ready()
    began = time.monotonic()
    with pytest.raises(TimedOut):
        flooding.wait_log("zzz", timeout=1)
    location.images()
    assert time.monotonic() - began < 10


def test_a_large_output_of_a_process_arrives_whole(sleeper):
    out, _, code = sleeper.run_process("head -c 30000000 /dev/zero")
    assert (len(out), code) == (30_000_000, 0)


def test_a_process_that_leaves_a_child_behind_still_returns(sleeper):
    out, _, code = sleeper.run_process("sleep 100 & echo done")
    assert (out, code) == (b"done\n", 0)


def test_a_spawned_process_is_fed_and_told_of(sleeper):
    got, ended = [], threading.Event()
    process = sleeper.spawn_process(
        "cat",
        data_callback=lambda p, data: got.append(data),
        termination_callback=lambda p, code: ended.set(),
    )
    assert sleeper.all_processes() == [process]
    process.stdin(b"to and fro")
    process.stdin_eof()
    assert process.wait_exit(timeout=10) == 0
    assert ended.wait(5)
    assert b"".join(got) == b"to and fro"
    assert sleeper.all_processes() == []


def test_a_killed_process_ends_with_its_signal(sleeper):
    process = sleeper.spawn_process(["sleep", "1000"])
    process.kill(signal.SIGKILL)
    assert process.wait_exit(timeout=10) == 128 + signal.SIGKILL
    assert "SIGKILL" in process.reason


def test_a_process_that_does_not_exist_is_named(sleeper):
    with pytest.raises(EngineFailed, match="no-such-program"):
        sleeper.run_process(["no-such-program"])
    assert sleeper.run_process("echo fine")[2] == 0


def test_a_command_that_does_not_exist_fails_the_spawn_at_once(node):
    container = node.spawn_container("busybox", command=["no-such-program"])
    with pytest.raises(EngineFailed, match="no-such-program"):
        container.wait_until_ready(timeout=30)
    assert container.state == "failed"
    with pytest.raises(EngineFailed, match="no-such-program"):
        container.run_process("true")


def test_an_image_nobody_has_is_an_error_in_seconds(node):
    container = node.spawn_container("no-such-image-anywhere")
    with pytest.raises(ImageNotFound, match="no-such-image-anywhere"):
        container.wait_until_ready(timeout=30)


def test_destroying_frees_the_name_and_keeps_the_log(node):
    container = node.spawn_container("busybox", name="web", command="echo hello; exec sleep 1000")
    container.wait_log("hello", timeout=30)
    container.destroy()
    assert (container.state, container.reason) == ("ended", "destroyed")
    assert container.logs() == b"hello\n"
    again = node.spawn_container("busybox", name="web", command=["sleep", "1000"])
    assert again.wait_until_ready(timeout=30).name == "web"


def test_an_ended_container_refuses_verbs_with_its_last_lines(node):
    container = node.spawn_container("busybox", command="echo last words; exit 5")
    container.wait_exit(timeout=30)
    with pytest.raises(ContainerEnded, match="last words"):
        container.run_process("true")
    with pytest.raises(ContainerEnded, match="exited with code 5"):
        container.destroy()


def test_destroying_while_the_image_is_on_its_way_leaves_nothing(node):
    container = node.spawn_container("redis")
    container.destroy()
    assert container.state in ("failed", "ended")
    assert node.all_containers() == []


def test_names_are_unique_among_the_living(node, sleeper):
    with pytest.raises(UsageError, match="busybox"):
        node.spawn_container("busybox", name=sleeper.name)
    assert node.spawn_container("busybox", command="true").name == "busybox-2"


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "Not A Name"},
        {"env": {"A=B": "c"}},
        {"pre_boot_files": {"../../etc/passwd": "x"}},
        {"command": []},
        {"memory": "lots"},
        {"cpus": -1},
        {"workdir": "relative"},
        {"workdir": 5},
        {"memory": 1e9},
        {"pids": 2.5},
        {"cpus": float("nan")},
        {"memory": 2**70},
        {"command": 5},
        {"env": 5},
        {"env": {"A": "\udc80"}},
        {"image": ""},
    ],
)
def test_a_wrong_argument_is_refused_in_the_call(node, wrong):
    with pytest.raises(UsageError):
        node.spawn_container(**({"image": "busybox"} | wrong)).wait_until_ready(timeout=20)
    assert node.all_containers() == []


def test_containers_are_found_by_name_id_and_beginning(location, sleeper):
    for key in (sleeper.name, sleeper.uuid, sleeper.uuid[:6]):
        assert location.container(key) is sleeper
    with pytest.raises(NotFound, match="busibox") as problem:
        location.container("busibox")
    assert "busybox" in problem.value.hint


def test_a_wait_for_a_log_line_sees_the_past_and_the_future(node):
    container = node.spawn_container("busybox", command="echo early; read x; echo late; read x")
    assert container.wait_log("early", timeout=30) == b"early"
    container.stdin(b"\n")
    assert container.wait_log(rb"^la", timeout=10) == b"late"


def test_a_wait_fails_at_once_when_the_container_ends(node):
    container = node.spawn_container("busybox", command="read x; exit 1")
    container.wait_until_ready(timeout=30)
    threading.Thread(target=container.stdin, args=(b"\n",)).start()
    began = time.monotonic()
    with pytest.raises(ContainerEnded):
        container.wait_tcp(80)
    assert time.monotonic() - began < 10


def test_a_wait_that_is_not_met_in_time_says_what_did_not_happen(sleeper):
    with pytest.raises(TimedOut, match="port 80"):
        sleeper.wait_tcp(80, timeout=0.2)
    with pytest.raises(TimedOut, match="still runs"):
        sleeper.wait_exit(timeout=0.1)
    with pytest.raises(TimedOut, match="nothing like"):
        sleeper.wait_log("never", timeout=0.1)


def test_an_interrupted_run_kills_the_process_and_leaves_the_session_well(sleeper):
    def interrupt():
        eventually(lambda: sleeper.all_processes(), within=10)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        sleeper.run_process("exec sleep 4321")
    eventually(lambda: b"4321" not in sleeper.run_process("ps -o args")[0], within=5)


def test_reprs_are_one_honest_line(node, sleeper, location):
    assert f"<Container busybox busybox running on {node.name}" in repr(sleeper)
    assert node.name in repr(node)
    assert repr(location).startswith("<Location embedded 1 nodes, 1 containers")
    sleeper.destroy()
    assert "destroyed" in repr(sleeper)
