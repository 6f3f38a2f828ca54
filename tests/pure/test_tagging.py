"""Tags and what is found by them (D-17: only real tags, any case, both halves of a key)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfnz_jupyter import NotFound, Taggable, TaggedCollection, UsageError

ALICE, BOB = b"a" * 32, b"b" * 32


@pytest.mark.parametrize("tag", ["web", "a", "9", "a-b_c.d", "x" * 63, "postgresdatabasestorag"])
def test_a_proper_tag_is_kept_as_it_is(tag):
    assert Taggable.valid_tag(tag) == tag


@pytest.mark.parametrize(
    "tag", ["", "a b", "a!", "a:b", "é", "-a", "a-", ".a", "x" * 64, "a\n", "a/b", b"\xff"]
)
def test_what_is_no_tag_is_refused_by_name(tag):
    with pytest.raises(UsageError, match="tag"):
        Taggable.valid_tag(tag)


def test_a_tag_is_kept_in_lower_case_and_none_is_none():
    assert Taggable.valid_tag("Vol") == "vol"
    assert Taggable.valid_tag(b"Vol") == "vol"
    assert Taggable.valid_tag(None) is None


def test_a_taggable_thing_says_what_it_is_called():
    thing = Taggable(ALICE, b"id", "Web")
    assert thing.display_name() == "id:web"
    assert thing.global_display_name().endswith(":id:web")
    assert thing.uuid_key() == (ALICE, "id")
    assert thing.tag_key() == (ALICE, "web")
    assert Taggable(ALICE, "id").tag_key() == (None, None)
    assert Taggable(ALICE, "id").display_name() == "id"


def test_a_thing_without_a_user_or_an_id_is_refused():
    for user, uuid in ((b"", "id"), (ALICE, "")):
        with pytest.raises(UsageError):
            Taggable(user, uuid)


@pytest.mark.parametrize("key", ["id", "web", "WEB", "id:web", "id:WEB", b"id", b"Web"])
def test_a_thing_is_found_by_id_by_tag_in_any_case_and_by_both(key):
    thing = Taggable(ALICE, "id", "web")
    assert TaggedCollection([thing]).get(ALICE, key) is thing


@pytest.mark.parametrize("key", ["other", "id:other", "other:web", "web:id", "ID"])
def test_a_key_that_is_not_wholly_right_finds_nothing(key):
    with pytest.raises(NotFound, match="nothing called"):
        TaggedCollection([Taggable(ALICE, "id", "web")]).get(ALICE, key)


@pytest.mark.parametrize("key", ["", ":", "a:", ":b", "a:b:c", 3, None])
def test_what_is_no_key_is_refused(key):
    with pytest.raises(UsageError, match="key"):
        TaggedCollection().get(ALICE, key)


def test_what_another_user_has_is_not_found():
    things = TaggedCollection([Taggable(ALICE, "id", "web")])
    for key in ("id", "web", "id:web"):
        with pytest.raises(NotFound):
            things.get(BOB, key)


def test_an_id_or_tag_that_is_taken_is_refused():
    things = TaggedCollection([Taggable(ALICE, "id", "web")])
    for uuid, tag in (("id", None), ("new", "web"), ("new", "id"), ("web", None), ("new", "WEB")):
        assert things.will_clash(ALICE, uuid, tag)
        with pytest.raises(UsageError, match="already"):
            things.add(Taggable(ALICE, uuid, tag))
    assert not things.will_clash(BOB, "id", "web")
    things.add(Taggable(BOB, "id", "web"))


def test_what_was_removed_is_gone_and_its_tag_is_free():
    thing = Taggable(ALICE, "id", "web")
    things = TaggedCollection([thing])
    things.remove(thing)
    assert len(things) == 0
    things.add(Taggable(ALICE, "other", "web"))
    with pytest.raises(NotFound):
        things.remove(thing)


def test_a_collection_knows_ids_tags_and_things():
    thing = Taggable(ALICE, "id", "web")
    things = TaggedCollection([thing])
    assert "id" in things
    assert b"web" in things
    assert thing in things
    assert "no" not in things
    assert Taggable(ALICE, "id", "web") not in things
    assert things["id"] is thing
    assert things[b"id"] is thing
    with pytest.raises(KeyError):
        things["web"]
    assert things() == things.values() == set(things) == {thing}


@given(st.text(max_size=70))
def test_whatever_is_kept_as_a_tag_is_found_again_as_it_was_written(written):
    try:
        thing = Taggable(ALICE, "id", written)
    except UsageError:
        return
    assert TaggedCollection([thing]).get(ALICE, written) is thing
