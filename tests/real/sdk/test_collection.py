"""Nothing stays behind: whoever goes, and however, takes along what it made."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.real.conftest import end_location, location_pid, nothing_more, traces
from tests.support.eventually import eventually
from tfnz_jupyter import Location

PROGRAM = """
from tfnz_jupyter import *
loc = location.Location()
made = [loc.node().spawn_container('busybox', command=['sleep', '1000']) for _ in range(3)]
made[0].attach_tunnel(80)
[c.run_process('sleep 999 &') for c in made]
print('ready', flush=True)
{then}
"""


def program(then: str) -> subprocess.Popen[bytes]:
    """Another program with three containers on the tests' location."""
    child = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(then=then)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    return child


def test_a_killed_program_leaves_nothing_after_two_seconds(before):
    child = program("input()")
    assert traces() != before
    child.kill()
    child.wait()
    eventually(lambda: nothing_more(before), within=2)


def test_a_program_that_just_ends_leaves_nothing(before):
    child = program("")
    assert child.wait(10) == 0
    eventually(lambda: nothing_more(before), within=2)


def test_a_program_that_dies_of_an_error_leaves_nothing(before):
    child = program("raise SystemExit(3)")
    assert child.wait(10) == 3
    eventually(lambda: nothing_more(before), within=2)


def test_disconnecting_leaves_nothing(before):
    with Location() as session:
        session.node().spawn_container("busybox", command=["sleep", "1000"]).wait_until_ready()
        session.node().spawn_container("busybox", command=["sleep", "1000"])
    eventually(lambda: nothing_more(before), within=2)


def test_run_ends_with_ctrl_c_and_cleans_up(before):
    child = program(
        "import os, signal, threading\n"
        "threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "loc.run()\nprint('after', flush=True)"
    )
    assert child.wait(10) == 0
    assert child.stdout.read() == b"after\n"
    eventually(lambda: nothing_more(before), within=2)


def test_run_ends_when_the_program_says_complete(before):
    child = program("made[0].termination_callback = loc.complete; made[0].destroy(); loc.run()")
    assert child.wait(10) == 0
    eventually(lambda: nothing_more(before), within=2)


def test_the_next_location_clears_what_a_killed_one_left(before):
    child = program("input()")
    end_location(signal.SIGKILL)
    child.kill()
    child.wait()
    with Location() as session:
        assert session.node().spawn_container("busybox", command="true").wait_exit(60) == 0
        left = {kind: len(found) for kind, found in traces().items()}
    assert left == {kind: len(found) for kind, found in before.items()}


@pytest.mark.timeout(120)
def test_what_a_killed_location_left_ends_by_itself(home):
    end_location()
    empty = traces()
    child = program("input()")
    pid = location_pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    child.kill()
    child.wait()

    eventually(lambda: nothing_more(empty), within=40)
