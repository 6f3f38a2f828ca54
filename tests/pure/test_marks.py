"""When what was printed: never too late, and in little memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tfnz_jupyter.wire.marks import Marks


def test_what_came_at_a_time_or_later_begins_at_its_place():
    marks = Marks()
    for second in range(10):
        marks.note(float(second), second * 100)
    assert marks.since(0) == 0
    assert marks.since(4.5) == 500
    assert marks.since(5) == 500
    assert marks.since(9.5) is None


def test_what_came_close_together_is_one():
    marks = Marks()
    marks.note(1.0, 0)
    marks.note(1.01, 50)
    assert marks.since(1.005) == 0


@given(st.lists(st.floats(0, 2), max_size=3000), st.floats(0, 3000))
def test_nothing_is_ever_left_out_and_memory_is_bounded(pauses, then):
    marks, now, wanted = Marks(), 0.0, None
    for place, pause in enumerate(pauses):
        now += pause
        marks.note(now, place)
        if wanted is None and now >= then:
            wanted = place
    found = marks.since(then)
    assert (found is None) == (wanted is None)
    assert wanted is None or found <= wanted
    assert len(marks._spans) <= 512
