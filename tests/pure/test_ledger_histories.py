"""Random histories of a location against a model that is too simple to be wrong.

Whatever happens: no container without an owner, nothing of another user offered or in reach, every name of a user taken
once, all that a session owned collected when it leaves and nothing sooner, and the location closed exactly when it has been
empty for as long as it waits.
"""

from dataclasses import dataclass

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tfnz_jupyter.errors import TfnzError
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

IDLE, MOST_SESSIONS, MOST_CONTAINERS = 60, 2, 3
USERS = st.sampled_from(["alice", "bob"])
SESSIONS = st.sampled_from(["s1", "s2", "s3", "s4"])
THINGS = st.sampled_from(["t1", "t2", "t3", "t4", "t5"])
TAGS = st.sampled_from([None, "red", "blue", "t1"])


@dataclass
class Thing:
    user: str
    session: str | None  # None for a volume
    tag: str | None
    live: bool = True


class Histories(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.now = 0
        limits = Limits(sessions=MOST_SESSIONS, containers=MOST_CONTAINERS)
        self.ledger = Ledger(idle=IDLE, now=0, limits=limits)
        self.sessions: dict[str, str] = {}
        self.things: dict[str, Thing] = {}
        self.empty_since: int | None = 0

    def live(self, user):
        return {
            key: thing for key, thing in self.things.items() if thing.user == user and thing.live
        }

    def free(self, user, key, tag):
        taken = {name for k, t in self.live(user).items() for name in (k, t.tag)}
        return key not in taken and (tag is None or tag not in taken)

    def tell(self, event, allowed):
        if allowed:
            return self.ledger.handle(event, self.now)
        with pytest.raises(TfnzError):
            self.ledger.handle(event, self.now)
        return None

    @rule(session=SESSIONS, user=USERS)
    def joins(self, session, user):
        room = list(self.sessions.values()).count(user) < MOST_SESSIONS
        if self.tell(Joined(session, user), room and session not in self.sessions) is not None:
            self.sessions[session] = user
            self.empty_since = None

    @rule(session=SESSIONS)
    def leaves(self, session):
        owned = {key for key, thing in self.things.items() if thing.session == session}
        effects = self.ledger.handle(Left(session), self.now)
        assert {key for e in effects if isinstance(e, Collect) for key in e.containers} == owned
        for key in owned:
            del self.things[key]
        if self.sessions.pop(session, None) is not None and not self.sessions:
            self.empty_since = self.now

    @rule(session=SESSIONS, key=THINGS, tag=TAGS)
    def spawns(self, session, key, tag):
        user = self.sessions.get(session)
        room = sum(t.session is not None for t in self.live(user).values()) < MOST_CONTAINERS
        unknown = key not in self.things or self.things[key].session is None
        allowed = user is not None and room and unknown and self.free(user, key, tag)
        others = key in self.things  # a volume of another user may have the same id
        if allowed and others:
            return
        if self.tell(Spawned(session, key, key, tag), allowed) is not None:
            self.things[key] = Thing(user, session, tag)

    @rule(key=THINGS)
    def finishes(self, key):
        assert self.ledger.handle(Finished(key), self.now) == []
        if key in self.things and self.things[key].session is not None:
            self.things[key].live = False

    @rule(user=USERS, key=THINGS, tag=TAGS)
    def keeps(self, user, key, tag):
        if key in self.things and self.things[key].session is not None:
            return
        allowed = key not in self.things and self.free(user, key, tag)
        if self.tell(Kept(user, key, tag), allowed) is not None:
            self.things[key] = Thing(user, None, tag)

    @rule(key=THINGS)
    def drops(self, key):
        assert self.ledger.handle(Dropped(key), self.now) == []
        if key in self.things and self.things[key].session is None:
            del self.things[key]

    @rule(seconds=st.integers(0, IDLE))
    def time_passes(self, seconds):
        self.now += seconds
        idle = self.empty_since is not None and self.now - self.empty_since >= IDLE
        assert self.ledger.handle(Tick(), self.now) == ([Close()] if idle else [])

    @invariant()
    def nothing_is_without_an_owner(self):
        assert self.ledger.sessions == set(self.sessions)
        containers = [thing for thing in self.things.values() if thing.session is not None]
        assert all(self.sessions[thing.session] == thing.user for thing in containers)

    @invariant()
    def each_session_is_offered_and_reaches_what_it_should(self):
        for session, user in self.sessions.items():
            tagged = {
                key
                for key, thing in self.live(user).items()
                if thing.tag and thing.session not in (None, session)
            }
            assert set(self.ledger.offered(session)) == tagged
            for key, thing in self.things.items():
                own = thing.session == session
                shared = thing.user == user and thing.session is not None and thing.tag is not None
                assert self.ledger.may_reach(session, key) == (own or shared)


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
