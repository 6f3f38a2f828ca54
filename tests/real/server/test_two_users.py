"""Two users on one location: to each, what is the other's is as if it did not exist, whatever verb is tried on it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support.belongings import IDLE, OBJECTS, Belongings, Case, cases
from tests.support.served import Served
from tfnz_jupyter import Container, Location, NotFound, Process, UsageError
from tfnz_jupyter.blocking import block
from tfnz_jupyter.errors import TfnzError
from tfnz_jupyter.sdk.handle import new_id
from tfnz_jupyter.wire import messages as m
from tfnz_jupyter.wire.ids import own_id

SLEEP = ["sleep", "1000"]


@dataclass
class User:
    """A user with a session, and one of everything there is to have."""

    session: Location
    container: Container
    process: Process
    has: Belongings

    def says(self, verb: m.Verb) -> tuple[str, str, str]:
        """How a verb is refused: the error's code, message and hint."""
        try:
            told = block(self.session._connection.call(verb))
        except TfnzError as problem:
            return problem.code, problem.message, problem.hint
        return ("done", repr(told), "")

    def is_well(self) -> bool:
        """Whether nothing happened to what this user has."""
        return self.container.run_process("true")[2] == 0 and not self.process.dead


def settle(session: Location, tag: str) -> User:
    """One of everything."""
    container = session.node().spawn_container("busybox", command=SLEEP, tag=tag)
    process = container.spawn_process(SLEEP)
    tunnel = new_id()
    block(session._connection.call(m.OpenTunnel(container.uuid, tunnel, 80, 0, "")))
    cluster = new_id()
    block(session._connection.call(m.Publish(cluster, f"{tag}.localhost", [container.uuid])))
    volume = session.create_volume(tag=f"{tag}-files")
    has = Belongings(container.uuid, process.uuid, tunnel, cluster, volume.uuid)
    return User(session, container, process, has)


@pytest.fixture(scope="module")
def ada(served: Served) -> Iterator[User]:
    served.join("user-ada")
    with Location(location="user-ada") as session:
        yield settle(session, "the-web")


@pytest.fixture(scope="module")
def bob(served: Served) -> Iterator[User]:
    served.join("user-bob")
    with Location(location="user-bob") as session:
        yield settle(session, "my-web")


@pytest.mark.parametrize("case", cases(), ids=str)
def test_a_verb_on_anothers_object_is_refused_as_on_one_that_does_not_exist(
    ada: User, bob: User, case: Case
) -> None:
    user = bob.session.user_pk
    theirs = getattr(ada.has, OBJECTS[case.field])
    nobodys = own_id(ada.session.user_pk)
    refused = bob.says(case.about(bob.has, theirs, user))
    unknown = bob.says(case.about(bob.has, nobodys, user))
    assert [word.replace(theirs, "...") for word in refused] == [
        word.replace(nobodys, "...") for word in unknown
    ]
    assert refused[0] == ("done" if case.verb in IDLE else "not-found")
    assert ada.is_well()


NEW_ONES = {
    "container": lambda key: m.Spawn(key, "mine", "busybox", 6_000_001, 6_000_003),
    "volume": lambda key: m.CreateVolume(key),
}


@pytest.mark.parametrize("kind", NEW_ONES)
def test_an_id_of_anothers_cannot_be_given_and_says_not_whether_it_is_taken(
    ada: User, bob: User, kind: str
) -> None:
    said = set()
    for key in (getattr(ada.has, kind), own_id(ada.session.user_pk)):
        refused = bob.says(NEW_ONES[kind](key))
        said.add(tuple(word.replace(key, "...") for word in refused))
    assert len(said) == 1
    assert said.pop()[0] == UsageError.code
    assert ada.is_well()


@pytest.mark.parametrize("key", ["../../../../tmp/x", "/etc/passwd", "x/y", ""])
def test_what_is_no_id_is_refused_before_anything_is_made_of_it(bob: User, key: str) -> None:
    execute = m.Execute(bob.has.container, key, ["true"], 6_000_005, 6_000_007)
    for wish in (execute, *(new(key) for new in NEW_ONES.values())):
        assert bob.says(wish)[0] == UsageError.code


def test_one_users_tags_are_free_for_another(ada: User, bob: User) -> None:
    mine = bob.session.node().spawn_container("busybox", command=SLEEP, tag="the-web")
    with Location(location="user-bob") as other:
        assert other.external_container("the-web").uuid == mine.uuid
    bob.session.node().destroy_container(mine)
    with Location(location="user-bob") as other, pytest.raises(NotFound):
        other.external_container("the-web")


def test_nothing_that_another_has_is_offered(ada: User, bob: User) -> None:
    with Location(location="user-bob") as other:
        assert {external.tag for external in other.externals.values()} == {"my-web"}
        assert {volume.tag for volume in other.volumes.values()} == {"my-web-files"}
        for key in (ada.has.container, "the-web", f"{ada.has.container}:the-web"):
            with pytest.raises(NotFound):
                other.external_container(key)


def test_ports_of_the_locations_machine_are_not_for_others(bob: User) -> None:
    wish = m.OpenTunnel(bob.has.container, new_id(), 80, 0, "127.0.0.1")
    assert bob.says(wish)[:2] == (
        "refused",
        "a location opens ports for programs on its own machine alone",
    )


def test_a_name_on_the_web_is_its_users_alone(ada: User, bob: User) -> None:
    wish = m.Publish(bob.has.cluster, "the-web.localhost", [bob.has.container])
    assert bob.says(wish)[0] == "refused"
    assert "ada" not in bob.says(wish)[1]


def test_guessing_ids_costs_nothing_and_gives_nothing(ada: User, bob: User) -> None:
    for _ in range(200):
        guess = secrets.token_hex(13)
        assert bob.says(m.Destroy(guess))[0] == "not-found"
    assert ada.is_well()
