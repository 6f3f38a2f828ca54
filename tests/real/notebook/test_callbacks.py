"""What a callback prints stands in the cell that gave the callback, whatever cell runs meanwhile."""

from __future__ import annotations

from collections import defaultdict

import pytest

READS = "while read x; do echo got $x; done; exit 3"


def cell_of(message) -> str:
    return message["parent_header"]["msg_id"]


def cell_that_said(kernel, words: str, *silent) -> str:
    """The cell in which these words stand, printed outside of a cell's run and nothing in these ones.

    A kernel may send what is printed in pieces.
    """
    printed: dict[str, str] = defaultdict(str)
    while True:
        message = kernel.published("stream", within=10)
        assert all(cell_of(message) != cell_of(ran.messages[0]) for ran in silent)
        printed[cell_of(message)] += message["content"]["text"]
        if words in printed[cell_of(message)]:
            return cell_of(message)


@pytest.fixture
def fed(kernel, request):
    """Spawns a container that echoes; gives its name and the cell that spawned it."""
    name = f"fed{abs(hash(request.node.name)):x}"[:12]
    kernel.ok("%tf connect\nfrom tfnz_jupyter.sdk.location import current")
    spawned = kernel.ok(
        f"{name} = current().node().spawn_container('busybox', command={READS!r},"
        " stdout_callback=lambda c, data: print('heard', data)).wait_until_ready()"
    )
    return name, spawned


def test_output_goes_to_the_cell_that_spawned(kernel, fed):
    name, spawned = fed
    fed_by = kernel.ok(f"{name}.stdin(b'x\\n')")
    assert cell_that_said(kernel, "heard b'got x", fed_by) == cell_of(spawned.messages[0])


def test_a_callback_given_later_prints_where_it_was_given(kernel, fed):
    name, spawned = fed
    given = kernel.ok(f"{name}.stdout_callback = lambda c, data: print('later', data)")
    fed_by = kernel.ok(f"{name}.stdin(b'x\\n')")
    assert cell_that_said(kernel, "later b'got x", fed_by, spawned) == cell_of(given.messages[0])


def test_a_termination_is_told_where_its_callback_was_given(kernel, fed):
    name, _ = fed
    given = kernel.ok(f"{name}.termination_callback = lambda c, code: print('ended', code)")
    ended_by = kernel.ok(f"{name}.stdin_eof()")
    assert cell_that_said(kernel, "ended 3", ended_by) == cell_of(given.messages[0])


def test_what_a_callback_raises_is_told_where_it_was_given(kernel, fed):
    name, _ = fed
    given = kernel.ok(f"{name}.stdout_callback = lambda c, data: 1 / 0")
    fed_by = kernel.ok(f"{name}.stdin(b'x\\n')")
    assert cell_that_said(kernel, "ZeroDivisionError", fed_by) == cell_of(given.messages[0])


def test_what_a_callback_prints_without_end_is_cut_and_told(kernel, fed):
    name, _ = fed
    given = kernel.ok(f"{name}.stdout_callback = lambda c, data: print('x' * 400_000 + '\\n' * 9)")
    for _ in range(4):
        kernel.ok(f"{name}.stdin(b'x\\n')")
    printed = ""
    while "are not shown" not in printed:
        message = kernel.published("stream", within=10)
        if cell_of(message) == cell_of(given.messages[0]):
            printed += message["content"]["text"]
    assert 1_000_000 <= len(printed) < 1_001_000
    assert kernel.ok("print('y' * 2_000_000)").text.count("y") == 2_000_000
