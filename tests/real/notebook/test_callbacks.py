"""What a callback prints stands in the cell that gave the callback, whatever cell runs meanwhile."""

from __future__ import annotations

import pytest

READS = "while read x; do echo got $x; done; exit 3"


def cell_of(message) -> str:
    return message["parent_header"]["msg_id"]


def printed_later(kernel, *cells):
    """The next thing that is printed outside of these cells."""
    message = kernel.published("stream", within=10)
    assert all(cell_of(message) != cell_of(ran.messages[0]) for ran in cells)
    return message


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
    message = printed_later(kernel, fed_by)
    assert cell_of(message) == cell_of(spawned.messages[0])
    assert "heard b'got x" in message["content"]["text"]


def test_a_callback_given_later_prints_where_it_was_given(kernel, fed):
    name, spawned = fed
    given = kernel.ok(f"{name}.stdout_callback = lambda c, data: print('later', data)")
    fed_by = kernel.ok(f"{name}.stdin(b'x\\n')")
    message = printed_later(kernel, fed_by, spawned)
    assert cell_of(message) == cell_of(given.messages[0])
    assert "later" in message["content"]["text"]


def test_a_termination_is_told_where_its_callback_was_given(kernel, fed):
    name, _ = fed
    given = kernel.ok(f"{name}.termination_callback = lambda c, code: print('ended', code)")
    ended_by = kernel.ok(f"{name}.stdin_eof()")
    message = printed_later(kernel, ended_by)
    assert cell_of(message) == cell_of(given.messages[0])
    assert "ended 3" in message["content"]["text"]


def test_what_a_callback_raises_is_told_where_it_was_given(kernel, fed):
    name, _ = fed
    given = kernel.ok(f"{name}.stdout_callback = lambda c, data: 1 / 0")
    fed_by = kernel.ok(f"{name}.stdin(b'x\\n')")
    message = printed_later(kernel, fed_by)
    assert cell_of(message) == cell_of(given.messages[0])
    assert "ZeroDivisionError" in message["content"]["text"]


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
