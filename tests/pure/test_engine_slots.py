"""How many slots there are, and when they are made: a stub stands for what makes them, and time is told."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from unittest.mock import MagicMock

import pytest

from tfnz_jupyter.engines.embedded import slots as module
from tfnz_jupyter.engines.embedded.cell import Cell
from tfnz_jupyter.engines.embedded.slots import Slots


class Told:
    """A reactor and a clock in one."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def monotonic(self) -> float:
        return self.now

    def after(self, delay: float, deed: Callable[[], None]) -> None:
        heapq.heappush(self._timers, (self.now + delay, next(self._order), deed))

    def pass_by(self, seconds: float) -> None:
        until = self.now + seconds
        while self._timers and self._timers[0][0] <= until:
            self.now, _, deed = heapq.heappop(self._timers)
            deed()
        self.now = until


@pytest.fixture
def told(monkeypatch) -> Told:
    found = Told()
    monkeypatch.setattr(module, "time", found)
    return found


@pytest.fixture
def starting() -> list[int]:
    return []


@pytest.fixture
def hall() -> MagicMock:
    def make(cell: Cell, *, early: bool, poised: bool) -> None:
        cell.launcher = MagicMock(gate="gate" if poised else "")

    found = MagicMock()
    found.make.side_effect = make
    return found


@pytest.fixture
def slots(told, hall, starting) -> Slots:
    found = Slots(told, hall, {}, starting)
    found.fill(2, 0)
    found.busy()
    told.pass_by(1)
    return found


def burst(slots: Slots, size: int) -> None:
    for number in range(size):
        slots.take(str(number), 0)
        slots.busy()


def test_nothing_is_made_while_anything_is_being_started(slots, told, starting):
    starting.append(1)
    burst(slots, 1)
    told.pass_by(10)
    assert len(slots) == 1
    starting.clear()
    told.pass_by(1)
    assert len(slots) == 2


def test_a_burst_leaves_as_many_slots_as_it_took(slots, told):
    burst(slots, 20)
    told.pass_by(1)
    assert len(slots) == 20


def test_those_for_bursts_alone_are_taken_last_and_let_go_of_first(slots, told):
    burst(slots, 20)
    told.pass_by(1)
    for _ in range(3):
        assert [slots.take("a", 0).poised, slots.take("b", 0).poised] == [False, False]
        slots.busy()
        told.pass_by(1)
    assert [slots.take(str(number), 0).poised for number in range(4)] == [False, False, True, True]
    slots.busy()
    told.pass_by(100)
    assert [slots.take("a", 0).poised, slots.take("b", 0).poised] == [False, False]
    assert len(slots) == 0


def test_they_are_let_go_of_when_no_such_burst_has_come_for_a_minute(slots, told):
    burst(slots, 20)
    told.pass_by(50)
    burst(slots, 20)
    told.pass_by(50)
    assert len(slots) == 20
    burst(slots, 3)
    told.pass_by(20)
    assert len(slots) == 2


def test_however_large_a_burst_there_are_never_more_than_64(slots, told):
    burst(slots, 1000)
    told.pass_by(1)
    assert len(slots) == 64
