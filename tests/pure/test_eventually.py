"""The one way tests wait."""

from __future__ import annotations

import pytest

from tests.support.eventually import eventually, eventually_async


def test_it_gives_the_first_true_value() -> None:
    answers = iter([0, "", "there"])
    assert eventually(lambda: next(answers), within=5) == "there"


def test_it_fails_with_the_last_answer() -> None:
    with pytest.raises(AssertionError, match="last answer was 0"):
        eventually(lambda: 0, within=0.03)


def test_a_failing_assertion_means_not_yet() -> None:
    answers = iter([1, 2, 3])

    def three() -> bool:
        assert next(answers) == 3
        return True

    assert eventually(three, within=5)


async def test_the_async_twin_takes_both_kinds_of_conditions() -> None:
    async def answer() -> str:
        return "there"

    assert await eventually_async(answer, within=1) == "there"
    assert await eventually_async(lambda: "here", within=1) == "here"
