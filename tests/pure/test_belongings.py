"""No verb is forgotten where one user's things are kept from another (``tests/real/server/test_two_users.py``)."""

from __future__ import annotations

import msgspec
import pytest

from tests.support.belongings import NEW, OBJECTS, OF_NOBODY, PLAIN, objects_of, verbs


@pytest.mark.parametrize("verb", verbs(), ids=lambda verb: verb.__name__)
def test_every_verb_is_about_somebodys_objects_or_said_to_be_about_none(verb: type) -> None:
    assert bool(objects_of(verb)) != (verb in OF_NOBODY)


@pytest.mark.parametrize("verb", verbs(), ids=lambda verb: verb.__name__)
def test_every_field_of_every_verb_is_known_for_what_it_is(verb: type) -> None:
    fields = [field for field in msgspec.structs.fields(verb) if field.required]
    assert not [f.name for f in fields if f.name not in OBJECTS and f.name not in PLAIN]


def test_nothing_is_said_of_verbs_that_are_no_more() -> None:
    assert {verb for verb, _ in NEW} | set(OF_NOBODY) <= set(verbs())
