"""The ring of output lines: every line numbered, held or counted."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfnz_jupyter.sdk.lines import MAX_LINE, LineRing

OUT, ERR = 1, 2


def all_lines(ring: LineRing) -> tuple[list[tuple[int, bytes]], int]:
    """Everything a reader meets from line 0 on, and how many lines it was told are gone."""
    met, gone, at = [], 0, 0
    while True:
        first, lines = ring.read(at, 7)
        gone += first - at
        at = first + len(lines)
        met += lines
        if not lines:
            return met, gone


@given(st.lists(st.text("ab\n", max_size=9).map(str.encode)))
def test_however_output_is_chopped_the_lines_are_the_same(chunks):
    ring = LineRing()
    for chunk in chunks:
        ring.feed(OUT, chunk)
    whole = b"".join(chunks)
    expected = whole.split(b"\n")
    if not expected[-1]:
        expected.pop()
    assert all_lines(ring) == ([(OUT, line) for line in expected], 0)
    assert ring.total == len(expected)
    assert ring.text() == whole


@given(
    st.lists(st.tuples(st.sampled_from([OUT, ERR]), st.text("ab\n", max_size=9).map(str.encode)))
)
def test_the_two_outputs_never_tear_each_other(fed):
    ring = LineRing()
    for mark, chunk in fed:
        ring.feed(mark, chunk)
    ring.close()
    met, gone = all_lines(ring)
    assert gone == 0
    for mark in (OUT, ERR):
        whole = b"".join(chunk for m, chunk in fed if m == mark).removesuffix(b"\n")
        lines = [line for m, line in met if m == mark]
        assert b"\n".join(lines) == whole


@given(st.lists(st.integers(0, 30)), st.integers(1, 20), st.integers(10, 200))
def test_what_is_held_is_bounded_and_the_rest_is_counted(sizes, max_lines, max_bytes):
    ring = LineRing(max_lines=max_lines, max_bytes=max_bytes)
    for size in sizes:
        ring.feed(OUT, b"x" * size + b"\n")
    met, gone = all_lines(ring)
    assert len(met) + gone == ring.total == len(sizes)
    assert len(met) <= max_lines
    assert sum(len(line) for _, line in met) <= max_bytes
    assert [len(line) for _, line in met] == sizes[gone:]
    assert gone == ring.first


def test_an_unterminated_line_counts_and_grows():
    ring = LineRing()
    ring.feed(OUT, b"one\ntw")
    assert (ring.total, ring.complete) == (2, 1)
    assert ring.read(1, 10) == (1, [(OUT, b"tw")])
    ring.feed(OUT, b"o\n")
    assert (ring.total, ring.complete) == (2, 2)
    assert ring.read(1, 10) == (1, [(OUT, b"two")])


def test_an_error_line_overtakes_an_unterminated_one():
    ring = LineRing()
    ring.feed(OUT, b"working...")
    ring.feed(ERR, b"careful\n")
    assert ring.read(0, 10) == (0, [(ERR, b"careful"), (OUT, b"working...")])


@pytest.mark.parametrize("chunk", [1, 1000, MAX_LINE, 10 * MAX_LINE])
def test_an_endless_line_is_cut_into_counted_pieces(chunk):
    ring = LineRing()
    data = b"x" * (3 * MAX_LINE + 5) + b"\nend\n"
    for at in range(0, len(data), chunk):
        ring.feed(OUT, data[at : at + chunk])
    lengths = [len(line) for _, line in all_lines(ring)[0]]
    assert lengths == [MAX_LINE, MAX_LINE, MAX_LINE, 5, 3]
    assert ring.text() == data


def test_a_line_of_just_the_greatest_length_stays_one():
    ring = LineRing()
    ring.feed(OUT, b"x" * MAX_LINE)
    ring.feed(OUT, b"\n")
    assert ring.total == 1


def test_lines_lost_upstream_are_a_gap_in_the_numbers():
    ring = LineRing()
    ring.feed(OUT, b"a\nb\nto")
    ring.skipped(100, 5000)
    ring.feed(OUT, b"rn\n")
    assert ring.read(0, 10) == (0, [(OUT, b"a"), (OUT, b"b"), (OUT, b"to")])
    assert ring.read(3, 10) == (102, [(OUT, b"rn")])
    assert (ring.total, ring.lost_lines, ring.lost_bytes) == (103, 99, 5000)
    assert ring.text() == b"a\nb\nto\nrn\n"


@given(*[st.text("ab\n", max_size=9).map(str.encode)] * 3)
def test_lines_that_came_and_lines_that_are_lost_are_all_there_were(before, lost, after):
    lost += b"\n..\n"  # wherever it begins and ends: within a line, or between two
    ring = LineRing()
    ring.feed(OUT, before)
    ring.skipped(lost.count(b"\n"), len(lost))
    ring.feed(OUT, after + b"\n")
    assert ring.total == (before + lost + after + b"\n").count(b"\n")


def test_lost_bytes_of_unknown_lines_count_as_one_line():
    ring = LineRing()
    ring.skipped(0, 10)
    assert ring.lost_lines == ring.total == 1
    assert ring.read(0, 10) == (1, [])


def test_a_gap_at_the_end_is_told_too():
    ring = LineRing()
    ring.feed(OUT, b"a\n")
    ring.skipped(5, 50)
    assert ring.read(1, 10) == (6, [])


def test_an_answer_ends_early_at_max_bytes_but_always_moves():
    ring = LineRing()
    ring.feed(OUT, b"aaaa\n" * 10)
    assert len(ring.read(0, 10, max_bytes=15)[1]) == 3
    assert len(ring.read(0, 10, max_bytes=1)[1]) == 1


def test_the_tail_of_the_text_keeps_a_missing_last_newline():
    ring = LineRing()
    ring.feed(OUT, b"a\nb\nc")
    assert ring.text(tail=2) == b"b\nc"
    ring.close()
    assert ring.text(tail=2) == b"b\nc"
    assert ring.text(tail=0) == b""


def test_nothing_is_new_while_nothing_is_fed():
    ring = LineRing()
    before = ring.changed
    assert ring.changed == before
    ring.feed(OUT, b"x")
    assert ring.changed != before
    ring.close()
    assert ring.closed


def test_a_reader_beside_a_feeding_thread_meets_or_counts_every_line():
    ring = LineRing(max_lines=50)
    lines = 20_000

    def feed() -> None:
        for number in range(lines):
            ring.feed(OUT, b"%d\n" % number)
        ring.close()

    thread = threading.Thread(target=feed)
    thread.start()
    met = gone = at = 0
    while not (ring.closed and at == ring.total):
        first, found = ring.read(at, 100)
        assert all(line == b"%d" % (first + i) for i, (_, line) in enumerate(found))
        gone += first - at
        met += len(found)
        at = first + len(found)
    thread.join()
    assert met + gone == lines
