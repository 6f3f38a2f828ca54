"""Tags: what one session tags, the user's others find, use and lose (D-2, D-17, D-23)."""

import threading

import pytest

from tests.support.eventually import eventually
from tfnz_jupyter import ContainerEnded, ExternalContainer, Location, NotFound, UsageError

READER = "echo hello; while read line; do echo got $line; done"


@pytest.fixture
def other(location):
    """Another session of the same user."""
    with Location() as session:
        yield session


@pytest.fixture
def tagged(node):
    """A tagged container of the first session."""
    container = node.spawn_container("busybox", command=READER, tag="Reader")
    yield container.wait_until_ready(timeout=60)
    if not container.dead:
        container.destroy()


def found(session, key="reader"):
    """The external container, as soon as the session knows of it."""
    eventually(lambda: key in session.externals, within=10)
    return session.external_container(key)


@pytest.mark.parametrize("tag", ["", "a b", "x!", "a:b", "é"])
def test_what_is_no_tag_is_refused_before_anything_is_asked(node, tag):
    with pytest.raises(UsageError, match="tag"):
        node.spawn_container("busybox", tag=tag)


def test_a_second_use_of_a_tag_is_refused_to_the_caller_and_harms_nobody(location, node, tagged):
    with pytest.raises(UsageError, match="'reader' already"):
        node.spawn_container("busybox", command="sleep 60", tag="READER")
    assert list(location.containers.values()) == [tagged]
    tagged.wait_log("hello")


def test_a_tag_is_free_again_when_its_container_is_over(node):
    node.spawn_container("busybox", command="true", tag="once").wait_exit(timeout=60)
    node.spawn_container("busybox", command="true", tag="once").wait_exit(timeout=60)


def test_a_tag_that_is_anothers_id_is_refused(node, tagged):
    with pytest.raises(UsageError, match="already"):
        node.spawn_container("busybox", tag=tagged.uuid)


def test_a_tagged_container_is_found_by_the_users_other_sessions_in_any_case(other, tagged):
    external = found(other)
    assert isinstance(external, ExternalContainer)
    assert external.uuid == tagged.uuid
    for key in ("READER", b"reader", tagged.uuid, f"{tagged.uuid}:reader"):
        assert other.external_container(key) is external
    with pytest.raises(NotFound, match="called 'reade'"):
        other.external_container("reade")


def test_a_container_without_a_tag_is_not_there_for_other_sessions(other, node):
    container = node.spawn_container("busybox", command="sleep 60", name="private")
    container.wait_until_ready()
    with pytest.raises(NotFound):
        other.external_container(container.uuid)
    container.destroy()


def test_ones_own_containers_are_not_external(location, other, tagged):
    found(other)
    assert len(location.externals) == 0


def test_a_session_that_begins_later_has_what_is_tagged_at_once(tagged):
    with Location() as late:
        assert late.external_container("reader").uuid == tagged.uuid


def test_an_external_container_has_the_whole_interface(other, tagged):
    external = found(other).wait_until_ready(timeout=60)
    assert external.ip == tagged.ip
    assert external.run_process("echo in it")[0] == b"in it\n"
    external.wait_log("hello")
    external.stdin(b"from afar\n")
    tagged.wait_log("got from afar")
    eventually(lambda: b"got from afar" in external.logs(), within=10)


def test_an_external_container_can_be_destroyed_and_its_owner_is_told(other, tagged):
    found(other).destroy()
    assert tagged.wait_exit(timeout=20) is not None


def test_an_external_container_is_gone_with_its_callback_when_it_goes(other, tagged):
    told = threading.Event()
    external = found(other)
    external.termination_callback = lambda container, code: told.set()
    tagged.destroy()
    assert told.wait(20)
    assert external.dead
    with pytest.raises(NotFound):
        other.external_container("reader")
    with pytest.raises(ContainerEnded):
        external.run_process("true")


def test_an_external_container_goes_with_the_session_that_owns_it(location):
    with Location() as owner:
        owner.node().spawn_container("busybox", command="sleep 60", tag="mine")
        external = found(location, "mine").wait_until_ready(timeout=60)
    external.wait_exit(timeout=20)
    assert "mine" not in location.externals


def test_processes_that_a_session_started_in_anothers_container_end_with_it(tagged):
    with Location() as guest:
        guest.external_container("reader").spawn_process(["sleep", "4242"])
        assert b"4242" in tagged.run_process("ps")[0]
    eventually(lambda: b"4242" not in tagged.run_process("ps")[0], within=10)
    assert not tagged.dead
