"""What containers use: from counts to rates, and to whom it is told."""

import os

from tfnz_jupyter.engines.base import Usage
from tfnz_jupyter.engines.embedded import gauge
from tfnz_jupyter.server.meters import Meters

SECOND = 1_000_000


def test_a_rate_is_the_difference_of_two_counts():
    meters = Meters()
    meters.take({"c": Usage(cpu=5 * SECOND, memory=10, processes=1)}, now=100)
    assert meters.news("s", ["c"]) == [("c", 0, 10, 1)]
    meters.take({"c": Usage(cpu=6 * SECOND, memory=20, processes=2)}, now=102)
    assert meters.news("s", ["c"]) == [("c", 500, 20, 2)]


def test_time_that_was_counted_and_is_lost_again_is_no_negative_rate():
    meters = Meters()
    meters.take({"c": Usage(cpu=5 * SECOND, memory=0, processes=1)}, now=1)
    meters.take({"c": Usage(cpu=4 * SECOND, memory=0, processes=1)}, now=2)
    assert meters.news("s", ["c"]) == [("c", 0, 0, 1)]


def test_a_session_is_told_what_is_new_to_it_of_what_it_sees():
    meters = Meters()
    meters.take({"a": Usage(0, 1, 1), "b": Usage(0, 2, 1)}, now=1)
    assert meters.news("s", ["a"]) == [("a", 0, 1, 1)]
    assert meters.news("s", ["a"]) == []
    assert meters.news("t", ["a", "b", "gone"]) == [("a", 0, 1, 1), ("b", 0, 2, 1)]
    meters.keep(["t"])
    assert meters.news("s", ["a"]) == [("a", 0, 1, 1)]
    assert meters.news("t", ["a", "b"]) == []


def test_a_container_that_ended_is_forgotten():
    meters = Meters()
    meters.take({"c": Usage(SECOND, 1, 1)}, now=1)
    meters.take({}, now=2)
    assert meters.news("s", ["c"]) == []


def test_a_process_is_counted_with_its_children_that_are_over_whatever_its_name():
    fields = ["S", *("0" * 10), "7", "3", "20", "10", *("0" * 5), "4096000", "25", "0"]
    use = gauge.from_stat(f"12 (a) (b c) {' '.join(fields)}\n")
    hertz = os.sysconf("SC_CLK_TCK")
    assert use == gauge.Use(40 * SECOND // hertz, 25 * os.sysconf("SC_PAGE_SIZE"), 1)
