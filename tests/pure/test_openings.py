"""Which session opened which container to which."""

from __future__ import annotations

from tfnz_jupyter.server.openings import Opening, Openings

AB, BA, AC = Opening("a", "b"), Opening("b", "a"), Opening("a", "c")


def test_an_opening_is_new_once():
    openings = Openings()
    assert openings.ask("one", AB)
    assert not openings.ask("one", AB)
    assert not openings.ask("two", AB)
    assert openings.ask("one", BA)


def test_it_is_there_until_the_last_session_that_asked_leaves():
    openings = Openings()
    openings.ask("one", AB)
    openings.ask("two", AB)
    openings.ask("one", AC)
    assert openings.leave("one") == [AC]
    assert openings.leave("two") == [AB]
    assert openings.leave("two") == []


def test_one_that_was_undone_is_nobodys():
    openings = Openings()
    openings.ask("one", AB)
    openings.ask("two", AB)
    openings.undo(AB)
    openings.undo(AB)
    assert openings.leave("one") == []


def test_openings_end_with_either_container():
    openings = Openings()
    for opening in (AB, BA, AC):
        openings.ask("one", opening)
    openings.end("b")
    assert openings.leave("one") == [AC]
