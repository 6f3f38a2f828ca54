"""Shells, and commands on terminals."""

from __future__ import annotations

import signal

import pytest

from tests.support.eventually import eventually
from tfnz_jupyter import EngineFailed, UsageError


class Screen:
    """What a terminal showed."""

    def __init__(self) -> None:
        self.text = b""

    def __call__(self, source: object, data: bytes) -> None:
        self.text += data

    def shows(self, wanted: bytes) -> bool:
        return eventually(lambda: wanted in self.text, within=20)


@pytest.fixture
def container(node):
    return node.spawn_container("busybox", command="exec sleep 1000", env={"COLOUR": "red"})


def test_a_shell_answers_and_knows_where_it_is(container):
    screen = Screen()
    shell = container.spawn_shell(data_callback=screen)
    shell.stdin(b"echo I am $COLOUR in $(pwd) as $(id -u) on $TERM; stty size\n")
    assert screen.shows(b"I am red in / as 0 on xterm-256color\r\n24 80\r\n")
    shell.stdin(b"exit 3\n")
    assert shell.wait_exit(timeout=20) == 3


def test_a_shell_has_the_size_it_is_given_and_learns_another(container):
    screen = Screen()
    shell = container.spawn_shell(data_callback=screen, terminal=(111, 33))
    shell.stdin(b"stty size\n")
    assert screen.shows(b"33 111")
    shell.resize(132, 43)
    shell.stdin(b"stty size\n")
    assert screen.shows(b"43 132")
    shell.stdin_eof()
    assert shell.wait_exit(timeout=20) == 0
    shell.resize(80, 24)


def test_ctrl_c_is_a_signal_and_the_shell_goes_on(container):
    screen = Screen()
    shell = container.spawn_shell(data_callback=screen)
    shell.stdin(b"echo begin; sleep 1000\n")
    assert screen.shows(b"begin\r\n")
    eventually(lambda: b"sleep 1000" in _foreground(container), within=10)
    shell.stdin(b"\x03")
    shell.stdin(b"echo after $?\n")
    assert screen.shows(b"after 130")


def _foreground(container) -> bytes:
    listed = container.run_process("ps -o args")[0].splitlines()
    return b"\n".join(
        line for line in listed if line.strip() == b"sleep 1000" and listed.count(line) > 1
    )


def test_what_is_typed_is_shown_where_that_is_asked_for(container):
    screen = Screen()
    shell = container.spawn_shell(data_callback=screen, echo=True)
    shell.stdin(b"echo w''ord\n")
    assert screen.shows(b"echo w''ord")
    assert screen.shows(b"\nword")


def test_what_is_typed_is_not_shown_otherwise(container):
    screen = Screen()
    process = container.spawn_shell(data_callback=screen)
    process.stdin(b"cat\n")
    process.stdin(b"secret\n")
    assert screen.shows(b"secret\r\n")
    process.kill(signal.SIGKILL)
    process.wait_exit(timeout=20)
    assert screen.text.count(b"secret") == 1


def test_a_process_on_a_terminal_has_one_output(container):
    screen = Screen()
    process = container.spawn_process(
        "tty; echo err >&2", data_callback=screen, terminal=True, cwd="/tmp"
    )
    assert process.wait_exit(timeout=20) == 0
    assert screen.shows(b"\r\nerr\r\n")
    assert screen.text.startswith(b"/dev/pts/")


def test_a_container_on_a_terminal(node):
    container = node.spawn_container(
        "busybox", command="stty size; cat; echo over", terminal=(70, 20)
    )
    assert container.wait_log("20 70", timeout=60).strip() == b"20 70"
    container.resize(90, 30)
    assert container.run_process("stty size </proc/1/fd/0")[0] == b"30 90\n"
    container.stdin(b"typed\n")
    container.stdin_eof()
    assert container.wait_exit(timeout=20) == 0
    assert b"typed\r\ntyped\r\nover\r\n" in container.logs()


def test_what_has_no_terminal_has_no_size(container):
    with pytest.raises(UsageError, match="no terminal"):
        container.resize(80, 24)
    process = container.spawn_process("sleep 1000")
    with pytest.raises(UsageError, match="no terminal"):
        process.resize(80, 24)


def test_an_image_without_a_shell_says_so(container):
    container.run_process(["/bin/busybox", "rm", "/bin/sh", "/bin/ash"])
    with pytest.raises(EngineFailed, match="no shell"):
        container.spawn_shell()
