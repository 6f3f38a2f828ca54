"""%%tf in a real kernel: a cell as a script that runs in a container."""

from __future__ import annotations

import pytest

FOREVER = "sh -c 'echo up; sleep 1000'"


@pytest.fixture(scope="module")
def box(kernel):
    kernel.ok(f"%tf spawn busybox --name celled --wait ready {FOREVER}")
    return kernel


def test_a_cell_runs_in_the_containers_shell_and_prints_into_itself(box):
    ran = box.ok("%%tf exec celled\nfor i in 1 2; do\n  echo line $i\ndone\necho oops >&2")
    assert ran.text == "line 1\nline 2\noops\n"
    assert {content["name"] for content in ran.of("stream")} == {"stdout", "stderr"}


def test_a_cell_with_a_command_is_its_standard_input(box):
    assert box.ok("%%tf exec celled sed s/a/o/\nbanana\n").text == "bonana\n"


def test_a_first_line_names_what_runs_the_cell(box):
    assert box.ok("%%tf exec celled\n#!/bin/cat\nall of it\n").text == "#!/bin/cat\nall of it\n"


def test_nothing_in_a_cell_is_expanded(box):
    box.ok("x = 'mine'")
    ran = box.ok("%%tf exec celled\nx=theirs; echo $x {x} | awk '{print $1}'")
    assert ran.text == "theirs\n"


def test_a_cell_that_fails_is_an_error_with_its_last_lines(box):
    error = box.run("%%tf exec celled\necho nearly\nexit 3").error
    assert error["ename"] == "CommandFailed"
    assert error["evalue"].startswith("the cell returned 3")
    assert "nearly" in "\n".join(error["traceback"])


def test_a_long_cell_arrives_whole(box):
    script = "\n".join(f": {i:0100d}" for i in range(2000))
    assert box.ok(f"%%tf exec celled\n{script}\necho end").text == "end\n"


def test_an_interrupt_ends_the_cell_and_what_it_runs(box):
    sent = []

    def interrupt(message):
        if message["msg_type"] == "stream" and not sent:
            sent.append(message)
            box.manager.interrupt_kernel()

    ran = box.run("%%tf exec celled\necho up\nsleep 876", meanwhile=interrupt)
    assert ran.error["ename"] == "KeyboardInterrupt"
    assert "sleep 876" not in box.ok("%tf exec celled ps").text


def test_an_empty_cell_and_a_verb_without_cells_are_told(box):
    assert "the cell is empty" in box.run("%%tf exec celled\n  ").error["evalue"]
    assert "takes no cell" in box.run("%%tf logs celled\nx").error["evalue"]
