"""When the static view of something live is replaced: at once for what matters, ever more rarely for mere output."""

from __future__ import annotations

import itertools

from tfnz_jupyter.notebook.saved import EVERY, LOOK, Saved


class Thing:
    """What is shown, and how often it was replaced."""

    def __init__(self) -> None:
        self.state, self.printed, self.replaced = "booting", 0, 0
        self.saved = Saved(lambda: (self.state, self.printed), self.replace)

    def replace(self) -> None:
        self.replaced += 1


def test_what_does_not_change_is_not_replaced():
    thing = Thing()
    assert not any(thing.saved.tick(second) for second in range(100))


def test_a_change_that_matters_is_replaced_at_the_next_look():
    thing = Thing()
    thing.saved.tick(0)
    thing.state = "running"
    assert not thing.saved.tick(LOOK / 2)
    assert thing.saved.tick(LOOK)


def test_endless_output_is_replaced_ever_more_rarely():
    thing, times = Thing(), []
    for second in range(200):
        thing.printed += 1
        if thing.saved.tick(second):
            times.append(second)
    gaps = [later - sooner for sooner, later in itertools.pairwise(times)]
    assert gaps[:4] == [2, 4, 8, 16]
    assert set(gaps[4:]) == {EVERY}


def test_the_end_of_a_cell_shows_what_matters_and_not_mere_output():
    thing = Thing()
    thing.printed = 5
    thing.saved.settle()
    assert thing.replaced == 0
    thing.state = "ended"
    thing.saved.settle()
    assert thing.replaced == 1


def test_what_is_over_is_replaced_no_more():
    thing = Thing()
    thing.saved.stop()
    thing.state = "ended"
    thing.saved.settle()
    assert not thing.saved.tick(100)
    assert thing.replaced == 0
