"""An interrupted wait ends at once, cancels what it asked for, and says so in one line of the user's own."""

from __future__ import annotations

import time

import pytest

from tests.support.eventually import eventually

#: The promise is 150 ms; the rest is for a machine that is busy.
AT_ONCE = 2.0
FOREVER = "sh -c 'echo up; sleep 1000'"


@pytest.fixture(scope="module")
def box(kernel):
    kernel.ok(f"%tf spawn busybox --name still --wait ready {FOREVER}\nimport time")
    return kernel


def interrupted(kernel, cell):
    """How a cell ended that was interrupted when it first printed, and how long after that it did."""
    asked: list[float] = []

    def interrupt(message):
        if message["msg_type"] == "stream" and not asked:
            asked.append(time.monotonic())
            kernel.manager.interrupt_kernel()

    ran = kernel.run(cell, meanwhile=interrupt)
    assert ran.status == "error"
    return ran.error, time.monotonic() - asked[0]


WAITS = {
    "still.wait_exit()": "KeyboardInterrupt",
    "await still.wait_exit.aio()": "CancelledError",
    "still.wait_tcp(99, timeout=None)": "KeyboardInterrupt",
    "await still.wait_log.aio('never', timeout=None)": "CancelledError",
    "still.run_process('sleep 1000')": "KeyboardInterrupt",
    "await still.run_process.aio('sleep 1000')": "CancelledError",
    "%tf exec still sleep 1000": "KeyboardInterrupt",
    "%tf spawn busybox --name idle --wait tcp:99 sleep 1000": "KeyboardInterrupt",
}


@pytest.mark.parametrize("wait", WAITS)
def test_a_wait_ends_at_once_and_says_which(box, wait):
    error, took = interrupted(box, f"print('begun')\n{wait}")
    assert error["ename"] == WAITS[wait]
    shown = "\n".join(error["traceback"])
    assert "was ended" in shown or "was interrupted" in shown  # while it waits, or just before
    assert "File" not in shown
    assert wait.startswith("%") or wait in shown
    assert took < AT_ONCE


def test_a_cell_that_runs_in_a_container_ends_at_once(box):
    error, took = interrupted(box, "%%tf exec still\necho begun; sleep 1000")
    assert error["evalue"] == "the cell was ended"
    assert took < AT_ONCE


def test_nothing_goes_on_that_was_interrupted(box):
    interrupted(box, "print('begun')\nstill.run_process('sleep 1234')")
    eventually(lambda: box.ok("print(still.all_processes())").text == "[]\n", within=10)
    assert (
        box.ok("print(still.run_process('pgrep -f 1234 || echo none')[0])").text == "b'none\\n'\n"
    )
    assert box.ok("print(still.state)").text == "running\n"
