"""The error tree: drawn at the top of errors.py, and kept here."""

from __future__ import annotations

import pickle
import re

import pytest

from tfnz_jupyter import errors
from tfnz_jupyter.errors import TfnzError, all_errors, from_wire, to_wire

CLASSES = [*all_errors().values()]
DRAWN = re.findall(r"(\w+) \((\w+)\)", (errors.__doc__ or "").split("Each class")[0])


def everything_below(cls: type[TfnzError]) -> set[type[TfnzError]]:
    return {cls}.union(*(everything_below(sub) for sub in cls.__subclasses__()))


def test_every_class_has_a_code_of_its_own() -> None:
    assert set(CLASSES) == everything_below(TfnzError)
    assert all("code" in vars(cls) for cls in CLASSES)


@pytest.mark.parametrize("cls", CLASSES)
def test_an_error_goes_over_the_wire_and_back(cls: type[TfnzError]) -> None:
    back = from_wire(*to_wire(cls("what", hint="next", detail="last\nlines")))
    assert type(back) is cls
    assert (back.message, back.hint, back.detail) == ("what", "next", "last\nlines")


@pytest.mark.parametrize("cls", CLASSES)
def test_an_error_pickles(cls: type[TfnzError]) -> None:
    back = pickle.loads(pickle.dumps(cls("what", hint="next", detail="last")))
    assert type(back) is cls
    assert str(back) == str(cls("what", hint="next", detail="last"))


@pytest.mark.parametrize(("name", "builtin"), DRAWN)
def test_an_error_is_the_builtin_that_the_tree_says(name: str, builtin: str) -> None:
    assert issubclass(getattr(errors, name), vars(__import__("builtins"))[builtin])


def test_the_tree_shows_every_class() -> None:
    assert all(cls.__name__ in (errors.__doc__ or "") for cls in CLASSES)


def test_an_error_says_the_reason_then_the_last_lines_then_the_next_step() -> None:
    error = errors.CommandFailed("make returned 2", hint="Try again.", detail="one\ntwo\n")
    assert str(error) == "make returned 2\n  | one\n  | two\nTry again."


def test_not_found_reads_as_words_although_it_is_a_key_error() -> None:
    assert str(errors.NotFound("no container 'web'")) == "no container 'web'"


def test_a_foreign_exception_keeps_its_name_on_the_wire() -> None:
    assert from_wire(*to_wire(OSError("disk full"))).message == "OSError: disk full"


def test_an_unknown_code_is_still_an_error_of_ours() -> None:
    assert type(from_wire("from-the-future", "new")) is TfnzError


def test_a_notebook_shows_the_kind_and_the_words_and_no_frame() -> None:
    shown = errors.Refused("not yours")._render_traceback_()
    assert shown == ["\x1b[31mRefused\x1b[0m: not yours"]
