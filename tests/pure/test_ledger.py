"""Stories about who owns what, and when it is over."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfnz_jupyter.errors import NotFound, UsageError
from tfnz_jupyter.server.ledger import (
    Close,
    Collect,
    Finished,
    Joined,
    Ledger,
    Left,
    Spawned,
    Tick,
)

IDLE = 60


@pytest.fixture
def ledger():
    return Ledger(idle=IDLE, now=0)


def test_a_session_that_leaves_has_its_containers_collected(ledger):
    ledger.handle(Joined("alice"), 0)
    ledger.handle(Spawned("alice", "c1", "web"), 1)
    assert ledger.handle(Left("alice"), 2) == [Collect(("c1",))]


def test_what_another_session_owns_is_not_collected(ledger):
    for who in ("alice", "bob"):
        ledger.handle(Joined(who), 0)
        ledger.handle(Spawned(who, f"of-{who}", "web"), 1)
    assert ledger.handle(Left("alice"), 2) == [Collect(("of-alice",))]
    assert ledger.handle(Left("bob"), 3) == [Collect(("of-bob",))]


def test_two_live_containers_of_a_session_cannot_share_a_name(ledger):
    ledger.handle(Joined("alice"), 0)
    ledger.handle(Spawned("alice", "c1", "web"), 1)
    with pytest.raises(UsageError, match="'web'"):
        ledger.handle(Spawned("alice", "c2", "web"), 2)


def test_a_name_is_free_again_when_its_container_has_finished(ledger):
    ledger.handle(Joined("alice"), 0)
    ledger.handle(Spawned("alice", "c1", "web"), 1)
    ledger.handle(Finished("c1"), 2)
    ledger.handle(Spawned("alice", "c2", "web"), 3)


def test_a_session_that_is_not_here_cannot_spawn(ledger):
    with pytest.raises(NotFound):
        ledger.handle(Spawned("nobody", "c1", "web"), 0)


def test_a_location_without_sessions_closes_after_its_idle_time(ledger):
    assert ledger.handle(Tick(), IDLE - 1) == []
    assert ledger.handle(Tick(), IDLE) == [Close()]


def test_the_idle_time_counts_from_the_last_session(ledger):
    ledger.handle(Joined("alice"), 10)
    assert ledger.handle(Tick(), 10 + 10 * IDLE) == []
    ledger.handle(Left("alice"), 1000)
    assert ledger.handle(Tick(), 1000 + IDLE - 1) == []
    assert ledger.handle(Tick(), 1000 + IDLE) == [Close()]


def test_a_location_without_an_idle_limit_never_closes():
    assert Ledger(idle=None, now=0).handle(Tick(), 1e9) == []


@given(st.lists(st.tuples(st.sampled_from("jlsf"), st.integers(0, 3), st.integers(0, 9))))
def test_whatever_happens_each_container_is_collected_once_when_its_owner_leaves(history):
    ledger, owner, collected = Ledger(idle=None, now=0), {}, []
    for now, (what, who, which) in enumerate(history):
        session, container = f"s{who}", f"c{which}"
        if what == "j":
            ledger.handle(Joined(session), now)
        elif what == "f":
            ledger.handle(Finished(container), now)
        elif what == "l":
            expected = {c for c, s in owner.items() if s == session}
            gone = {c for e in ledger.handle(Left(session), now) for c in e.containers}
            assert gone == expected
            collected += gone
            owner = {c: s for c, s in owner.items() if c not in gone}
        elif session in ledger.sessions and container not in owner:
            ledger.handle(Spawned(session, container, container), now)
            owner[container] = session
    assert all(s in ledger.sessions for s in owner.values())
