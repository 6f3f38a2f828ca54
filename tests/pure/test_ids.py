"""Ids that only their user can have chosen, and names that are names."""

from __future__ import annotations

import pytest

from tfnz_jupyter.errors import UsageError
from tfnz_jupyter.wire.ids import own_id, require_id, require_name, require_own

ADA, BOB = bytes(32), bytes([1]) * 32


def test_an_id_is_a_host_name_and_never_twice_the_same() -> None:
    made = {own_id(ADA) for _ in range(1000)}
    assert len(made) == 1000
    for key in made:
        require_own(ADA, key)
        assert (len(key), key.isalnum(), key.lower()) == (26, True, key)


def test_an_id_of_anothers_is_refused_as_one_that_nobody_has() -> None:
    said = set()
    for key in (own_id(ADA), "a" * 26):
        with pytest.raises(UsageError) as problem:
            require_own(BOB, key)
        said.add(problem.value.message.replace(key, "..."))
    assert len(said) == 1


@pytest.mark.parametrize(
    "key", ["", "a" * 25, "A" * 26, "../" * 8 + "ab", "a" * 25 + "\n", "0" * 26]
)
def test_what_is_no_id_is_named(key: str) -> None:
    with pytest.raises(UsageError, match="is no id"):
        require_id(key)
    with pytest.raises(UsageError, match="is no id"):
        require_own(ADA, key)


@pytest.mark.parametrize("name", ["", "Web", "a b", "-a", "a" * 64, "a/b", "..", 7])
def test_a_name_that_no_host_can_have_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name"):
        require_name(name)
    require_name("web-2.a_b")
