"""Ranking: by statistics, and by what has been promised since (D-26)."""

import asyncio
from collections import Counter

import pytest

from tfnz_jupyter.sdk.offers import Offers
from tfnz_jupyter.wire import messages as m
from tfnz_jupyter.wire.placement import CPU, MEMORY, Promises

GIB = 1 << 30


def state(name, score):
    return m.NodeState(name, name, score, 2000, 0, 4096, 0, 0, score)


class Session(Offers):
    """One that knows its nodes."""

    def __init__(self, **scores):
        super().__init__("here", None)
        self._offered = asyncio.Event()
        self._nodes_changed([state(name, score) for name, score in scores.items()])

    def spawn(self, name, **limits):
        """What ``node().spawn_container`` does first."""
        node = self.node()
        self._promises.make(name, node.uuid, limits.get("cpus"), limits.get("memory"))
        return node.uuid


def test_a_burst_on_equal_nodes_spreads():
    session = Session(a=6000, b=6000, c=6000)
    chosen = Counter(session.spawn(str(number)) for number in range(12))
    assert chosen == {"a": 4, "b": 4, "c": 4}


def test_a_better_node_gets_more_of_a_burst_until_it_is_no_better():
    session = Session(strong=12_000, weak=6000)
    chosen = [session.spawn(str(number)) for number in range(6)]
    assert chosen[:4] == ["strong"] * 4
    assert "weak" in chosen


def test_limits_are_what_is_promised():
    session = Session(a=6000, b=5999)
    assert session.spawn("small", cpus=0.1, memory=32 << 20) == "a"
    assert [session.spawn("large", memory=4 * GIB) for _ in range(2)] == ["b", "a"]


@pytest.mark.parametrize("end", ["ended", "failed"])
def test_what_is_over_weighs_no_more(end):
    session = Session(a=6000, b=5999)
    assert [session.spawn("first"), session.spawn("second")] == ["a", "b"]
    session._promise_kept(m.ContainerChanged("first", end))
    assert session.spawn("third") == "a"


def test_a_promise_is_kept_as_soon_as_statistics_show_it():
    promises = Promises()
    promises.make("c", "a", None, None)
    assert promises.on("a", now=1000) == CPU + MEMORY
    promises.runs("c", now=1000)
    promises.runs("c", now=1001)
    assert promises.on("a", now=1001.9) == CPU + MEMORY
    assert promises.on("a", now=1002.1) == 0


def test_a_session_is_told_of_the_promises_of_others_only():
    promises = Promises()
    promises.make("mine", "a", 2, GIB, session="me")
    promises.make("theirs", "a", None, None, session="them")
    assert promises.on("a", 0, but="me") == CPU + MEMORY
    assert promises.on("a", 0, but="them") == 2000 + 1024
    assert promises.on("b", 0) == 0
