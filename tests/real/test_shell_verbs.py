"""``tfnz`` in a shell: containers in the foreground, the other verbs beside them, exit codes, JSON, a terminal."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.eventually import eventually

TFNZ = [sys.executable, "-m", "tfnz_jupyter.cli"]


def tfnz(*words: str, input: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*TFNZ, *words], input=input, capture_output=True, check=False, timeout=90
    )


@contextmanager
def running(*words: str, says: bytes = b"") -> Iterator[subprocess.Popen[bytes]]:
    """A command in the foreground, from when it has said something until the test ends it."""
    with subprocess.Popen(
        [*TFNZ, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        try:
            said = b""
            while says not in said:
                line = process.stdout.readline()
                assert line, said
                said += line
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)


@pytest.fixture(scope="module")
def box(home: Path) -> Iterator[str]:
    """A container that another shell holds."""
    command = ("sh", "-c", "echo up; while sleep 1; do :; done")
    share = ("-v", "late:/shared")
    with running("spawn", *share, "busybox", "--name", "shellbox", *command, says=b"up\n"):
        yield "shellbox"


def test_spawn_prints_what_the_container_prints_and_exits_as_it_does(box: str):
    ran = tfnz("spawn", "busybox", "sh", "-c", "echo out; echo err >&2; exit 5")
    assert (ran.stdout, ran.stderr, ran.returncode) == (b"out\n", b"err\n", 5)


def test_an_interrupt_ends_the_container(home: Path):
    with running(
        "spawn", "busybox", "--name", "brief", "sh", "-c", "echo up; sleep 999", says=b"up\n"
    ) as it:
        assert b"brief" in tfnz("ps").stdout
        it.send_signal(signal.SIGINT)
        assert it.wait(20) == 130
    eventually(lambda: b"brief" not in tfnz("ps").stdout, within=10)


def test_exec_passes_input_output_and_code(box: str):
    ran = tfnz("exec", box, "sh", "-c", "cat; echo more >&2; exit 4", input=b"fed\n")
    assert (ran.stdout, ran.stderr, ran.returncode) == (b"fed\n", b"more\n", 4)


def test_all_that_exec_and_spawn_print_reaches_who_reads_late(box: str):
    prints = "head -c 300000 /dev/zero; echo end >&2; touch /shared/{}"
    for number, words in enumerate([("exec", box), ("spawn", "-v", "late:/shared", "busybox")]):
        argv = [*TFNZ, *words, "sh", "-c", prints.format(number)]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as late:
            asks = ("exec", box, "test", "-e", f"/shared/{number}")
            eventually(lambda asks=asks: tfnz(*asks).returncode == 0, within=30)
            out, err = late.communicate(timeout=60)
        assert (len(out), err, late.returncode) == (300_000, b"end\n", 0)


def test_an_interrupted_exec_is_ended(box: str):
    with running("exec", box, "sh", "-c", "echo up; sleep 777", says=b"up\n") as it:
        it.send_signal(signal.SIGINT)
        assert it.wait(20) == 130
    assert b"sleep 777" not in tfnz("exec", box, "ps").stdout


def test_logs_files_and_a_reboot_from_another_shell(box: str, tmp_path: Path):
    assert b"up\n" in tfnz("logs", box).stdout
    (tmp_path / "f").write_text("words")
    assert tfnz("put", box, str(tmp_path / "f"), "/srv/f").returncode == 0
    assert tfnz("get", box, "/srv/f", str(tmp_path / "g")).returncode == 0
    assert (tmp_path / "g").read_text() == "words"


def test_lists_are_columns_for_people_and_json_for_scripts(box: str):
    assert tfnz("ps").stdout.splitlines()[0].startswith(b"name")
    (row,) = [one for one in json.loads(tfnz("ps", "--json").stdout) if one["name"] == box]
    assert (row["image"], row["state"]) == ("busybox", "running")
    assert json.loads(tfnz("nodes", "--json").stdout)[0]["containers"] >= 1
    assert {"image": "busybox"} in json.loads(tfnz("image", "ls", "--json").stdout)


def test_a_volume_is_there_for_the_next_shell(home: Path):
    assert tfnz("volume", "create", "shell-volume").returncode == 0
    try:
        wrote = tfnz("spawn", "busybox", "-v", "shell-volume:/v", "sh", "-c", "echo kept > /v/f")
        assert wrote.returncode == 0
        read = tfnz("spawn", "busybox", "-v", "shell-volume:/v", "cat", "/v/f")
        assert read.stdout == b"kept\n"
    finally:
        assert tfnz("volume", "rm", "shell-volume").returncode == 0


def test_a_tunnel_stays_until_it_is_interrupted(box: str):
    with running("tunnel", box, "80", says=b"http://127.0.0.1:") as it:
        assert it.poll() is None


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("spwan", "nginx"), 2, b"spawn"),
        (("exec", "nobody", "true"), 1, b"nobody"),
        (("connect", "lab"), 2, b"--location"),
        (("--location", "nowhere", "ps"), 1, b"nowhere"),
        (("shell", "nobody"), 1, b"nobody"),
        (("ps", "--yaml"), 2, b"--yaml"),
    ],
)
def test_what_cannot_be_done_is_told_with_an_exit_code(home: Path, words, code, says):
    ran = tfnz(*words)
    assert ran.returncode == code
    assert says in ran.stderr
    assert b"Traceback" not in ran.stderr


def test_help_about_a_verb_is_a_page(home: Path):
    page = tfnz("spawn", "-h").stdout.decode()
    assert page.startswith("tfnz spawn [OPTIONS] IMAGE")
    assert "%tf" not in page


def until_it_says(terminal: int, words: bytes) -> None:
    said, deadline = b"", time.monotonic() + 30
    while words not in said:
        assert time.monotonic() < deadline, said
        if select.select([terminal], [], [], 1)[0]:
            said += os.read(terminal, 4096)


def test_a_shell_has_this_terminal_its_size_and_its_code(box: str):
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [*TFNZ, "shell", box])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 99, 0, 0))
    try:
        until_it_says(terminal, b"/ #")
        os.write(terminal, b"stty size\n")
        until_it_says(terminal, b"33 99")
        os.write(terminal, b"exit 6\n")
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == 6
    finally:
        os.close(terminal)


def test_a_spawned_command_has_this_terminal_and_its_code(home: Path):
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [*TFNZ, "spawn", "-it", "busybox", "sh"])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 99, 0, 0))
    try:
        until_it_says(terminal, b"/ #")
        os.write(terminal, b"tty; exit 6\n")
        until_it_says(terminal, b"/dev/")
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == 6
    finally:
        os.close(terminal)


def test_a_spawned_command_reads_what_we_are_given(home: Path):
    ran = tfnz("spawn", "-i", "busybox", "tr", "a-z", "A-Z", input=b"hello\n")
    assert (ran.stdout, ran.returncode) == (b"HELLO\n", 0)


def test_a_terminal_is_refused_where_there_is_none(home: Path):
    ran = tfnz("spawn", "-it", "busybox", "sh")
    assert ran.returncode == 2
    assert b"needs a terminal" in ran.stderr
