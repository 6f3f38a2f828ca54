"""What bounds the benchmarks: nothing that is measured stands still for ever."""

from __future__ import annotations

import threading

import pytest

from tests.benchmarks._deadlines import StoodStill, at_most


def stand_still() -> None:
    threading.Event().wait(60)


def measure_and_stand_still() -> None:
    with at_most(60, "a measurement"):
        pass
    stand_still()


def test_what_does_not_end_in_time_is_interrupted_where_it_waits_and_named():
    with pytest.raises(StoodStill, match=r"peer did not end within 0\.05 s"), at_most(0.05, "peer"):
        stand_still()


def test_a_deadline_within_another_leaves_the_other_to_go_on():
    with pytest.raises(StoodStill, match="program"), at_most(0.1, "program"):
        measure_and_stand_still()
