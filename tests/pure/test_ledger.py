"""Stories about who owns what, and when it is over."""

import pytest

from tfnz_jupyter.errors import NotFound, Refused, UsageError
from tfnz_jupyter.server.ledger import (
    Close,
    Collect,
    Dropped,
    Finished,
    Joined,
    Kept,
    Ledger,
    Left,
    Limits,
    Spawned,
    Tick,
)

IDLE = 60
ALICE, BOB = "alice's key", "bob's key"


@pytest.fixture
def ledger():
    return Ledger(idle=IDLE, now=0)


def test_a_session_that_leaves_has_its_containers_collected(ledger):
    ledger.handle(Joined("alice", ALICE), 0)
    ledger.handle(Spawned("alice", "c1", "web"), 1)
    assert ledger.handle(Left("alice"), 2) == [Collect(("c1",))]


def test_what_another_session_owns_is_not_collected(ledger):
    for who in ("alice", "bob"):
        ledger.handle(Joined(who, who), 0)
        ledger.handle(Spawned(who, f"of-{who}", "web"), 1)
    assert ledger.handle(Left("alice"), 2) == [Collect(("of-alice",))]
    assert ledger.handle(Left("bob"), 3) == [Collect(("of-bob",))]


def test_two_live_containers_of_a_session_cannot_share_a_name(ledger):
    ledger.handle(Joined("alice", ALICE), 0)
    ledger.handle(Spawned("alice", "c1", "web"), 1)
    with pytest.raises(UsageError, match="'web'"):
        ledger.handle(Spawned("alice", "c2", "web"), 2)


def test_a_name_is_free_again_when_its_container_has_finished(ledger):
    ledger.handle(Joined("alice", ALICE), 0)
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
    ledger.handle(Joined("alice", ALICE), 10)
    assert ledger.handle(Tick(), 10 + 10 * IDLE) == []
    ledger.handle(Left("alice"), 1000)
    assert ledger.handle(Tick(), 1000 + IDLE - 1) == []
    assert ledger.handle(Tick(), 1000 + IDLE) == [Close()]


def test_a_location_without_an_idle_limit_never_closes():
    assert Ledger(idle=None, now=0).handle(Tick(), 1e9) == []


@pytest.fixture
def two_sessions(ledger):
    """Two sessions of alice, the first with a tagged container, and one of bob."""
    ledger.handle(Joined("a1", ALICE), 0)
    ledger.handle(Joined("a2", ALICE), 0)
    ledger.handle(Joined("b1", BOB), 0)
    ledger.handle(Spawned("a1", "c1", "web", "Web"), 1)
    return ledger


def test_a_tagged_container_is_offered_to_the_users_other_sessions_alone(two_sessions):
    assert two_sessions.offered("a2") == ("c1",)
    assert two_sessions.offered("a1") == ()
    assert two_sessions.offered("b1") == ()


def test_a_tagged_container_is_within_reach_of_its_user_alone(two_sessions):
    assert two_sessions.may_reach("a1", "c1")
    assert two_sessions.may_reach("a2", "c1")
    assert not two_sessions.may_reach("b1", "c1")
    two_sessions.handle(Spawned("a1", "c2", "private"), 2)
    assert not two_sessions.may_reach("a2", "c2")


def test_what_has_finished_is_offered_to_nobody(two_sessions):
    two_sessions.handle(Finished("c1"), 2)
    assert two_sessions.offered("a2") == ()


@pytest.mark.parametrize("event", [Kept(ALICE, "v1", "WEB"), Kept(ALICE, "v1", "c1")])
def test_a_users_ids_and_tags_share_one_space(two_sessions, event):
    with pytest.raises(UsageError, match="already"):
        two_sessions.handle(event, 2)
    two_sessions.handle(Kept(BOB, "v1", event.tag), 2)


def test_a_refused_tag_takes_nothing(two_sessions):
    with pytest.raises(UsageError, match="already"):
        two_sessions.handle(Spawned("a2", "c9", "db", "web"), 2)
    two_sessions.handle(Spawned("a2", "c9", "db", "db"), 3)


@pytest.mark.parametrize("end", [Finished("c1"), Left("a1")])
def test_a_tag_is_free_again_when_its_container_is_over(two_sessions, end):
    two_sessions.handle(end, 2)
    two_sessions.handle(Spawned("a2", "c2", "web", "web"), 3)


def test_a_volume_outlives_every_session_and_its_tag_is_free_once_it_is_dropped(two_sessions):
    two_sessions.handle(Kept(ALICE, "v1", "data"), 2)
    two_sessions.handle(Left("a1"), 3)
    two_sessions.handle(Left("a2"), 3)
    with pytest.raises(UsageError):
        two_sessions.handle(Kept(ALICE, "v2", "data"), 4)
    two_sessions.handle(Dropped("v1"), 5)
    two_sessions.handle(Kept(ALICE, "v2", "data"), 6)


@pytest.mark.parametrize(
    ("limits", "words"),
    [(Limits(containers=1), "1 containers"), (Limits(memory=10), "10 bytes of memory")],
)
def test_a_user_who_has_all_that_one_may_have_is_refused_more(limits, words):
    ledger = Ledger(idle=None, now=0, limits=limits)
    ledger.handle(Joined("a1", ALICE), 0)
    ledger.handle(Joined("b1", BOB), 0)
    ledger.handle(Spawned("a1", "c1", "one", memory=6), 1)
    with pytest.raises(Refused, match=words):
        ledger.handle(Spawned("a1", "c2", "two", memory=6), 2)
    ledger.handle(Spawned("b1", "c3", "one", memory=6), 2)
    ledger.handle(Finished("c1"), 3)
    ledger.handle(Spawned("a1", "c2", "two", memory=6), 4)


def test_a_user_with_all_sessions_that_one_may_have_is_refused_another():
    ledger = Ledger(idle=None, now=0, limits=Limits(sessions=1))
    ledger.handle(Joined("a1", ALICE), 0)
    ledger.handle(Joined("b1", BOB), 0)
    with pytest.raises(Refused, match="1 sessions"):
        ledger.handle(Joined("a2", ALICE), 1)
    ledger.handle(Left("a1"), 2)
    ledger.handle(Joined("a2", ALICE), 3)
