"""What a Dockerfile says, and how errors point at its lines."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfnz_jupyter.dockerfile import (
    Ignored,
    compiled,
    expand,
    of_name,
    pairs,
    read,
    split_words,
    stages,
    takes_from_context,
)
from tfnz_jupyter.errors import UsageError

WORDS = {"V": "3", "EMPTY": ""}.get


def said(text: str) -> list[tuple[int, str, str]]:
    return [(one.line, one.name, one.rest) for one in read(text)]


def test_instructions_have_the_line_they_begin_at():
    text = "# a comment\n\nFROM debian\nRUN a && \\\n   # within\n\n   b\nrun c\n"
    assert said(text) == [(3, "FROM", "debian"), (4, "RUN", "a &&    b"), (8, "RUN", "c")]


def test_another_escape_continues_lines_where_the_top_says_so():
    assert said("# escape=`\nFROM a\nRUN x `\n y\\\n") == [(2, "FROM", "a"), (3, "RUN", "x  y\\")]


def test_the_json_form_is_a_list_and_anything_else_a_line_for_the_shell():
    listed, line = read('RUN ["a", "b c"]\nRUN [ -e x ]\n')
    assert (listed.listed(), line.listed()) == (["a", "b c"], None)


def test_flags_stand_before_what_is_meant():
    (copy,) = read("COPY --from=one --chown=1:2 a --b c")
    assert copy.flags == (("from", "one"), ("chown", "1:2"))
    assert copy.rest == "a --b c"


def test_a_text_below_its_instruction_ends_at_its_name():
    copy, run = read("COPY <<-'A' <<B /x\n\tone $V\n\tA\ntwo\nB\nRUN c\n")
    first, second = copy.heredocs
    assert (first.text, first.expands) == ("one $V\n", False)
    assert (second.text, second.expands) == ("two\n", True)
    assert run.line == 6


def test_a_shift_is_no_text_below():
    assert read("RUN echo $((1<<3)) a<<b")[0].heredocs == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("FROM a\nRUNN x", r"line 2: there is no instruction 'RUNN'\nDid you mean RUN\?"),
        ("FROM a\nRUN", "line 2: RUN needs something"),
        ("FROM a\nCOPY <<X /y\nz", "line 2: the text that <<X begins has no end"),
        ("# escape=%\nFROM a", "line 1: escape=% is neither"),
        ("RUN x\nFROM a", "line 1: RUN stands before the first FROM"),
        ("", "there is no FROM"),
        ("FROM a AS", "line 1: FROM a AS is not FROM IMAGE"),
        ("FROM a AS 1x", "line 1: '1x' cannot be the name of a stage"),
        ("FROM --weight=3 a", "line 1: FROM has no --weight"),
        ("FROM ${V", r"line 1: FROM \$\{V: "),
        ("ARG V\nFROM $V", "line 2: FROM \\$V: that is empty"),
    ],
)
def test_what_has_no_meaning_is_told_with_its_line(text: str, words: str):
    with pytest.raises(UsageError, match=words):
        stages(read(text), {})


def test_a_stage_sees_what_stands_before_the_first():
    text = "ARG V=12\nARG W=$V-slim\nFROM debian:$W AS Base\nFROM base\nRUN x"
    found, before = stages(read(text), {"V": "11"})
    assert [(s.base, s.name, len(s.instructions)) for s in found] == [
        ("debian:11-slim", "base", 0),
        ("base", "", 1),
    ]
    assert before == {"V": "11", "W": "11-slim"}


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("a$V-${V}b", "a3-3b"),
        ("$NONE.${NONE}", "."),
        ("${NONE:-x$V} ${V:-y} ${EMPTY:-e} ${EMPTY-e}", "x3 3 e "),
        ("${V:+set} ${NONE:+set} ${EMPTY:+set} ${EMPTY+set}", "set   set"),
        ('\'$V\' "$V \\"" \\$V', '$V 3 " $V'),
        ("$ and $/", "$ and $/"),
    ],
)
def test_variables_are_filled_in_as_docker_does_it(text: str, meant: str):
    assert expand(text, WORDS) == meant


@pytest.mark.parametrize("text", ["${V", "${}", "${V%x}", "'a", '"a', "${NONE:?must}"])
def test_what_cannot_be_filled_in_says_why(text: str):
    with pytest.raises(ValueError, match=r"."):
        expand(text, WORDS)


def test_pairs_have_two_forms():
    assert pairs('A=1 B="x y" C=a\\ b D=$V', WORDS) == [
        ("A", "1"),
        ("B", "x y"),
        ("C", "a b"),
        ("D", "3"),
    ]
    assert pairs("A some words", WORDS) == [("A", "some words")]
    with pytest.raises(ValueError, match="B has no value"):
        pairs("A=1 B", WORDS)


def test_words_are_cut_outside_of_quotes():
    assert split_words("a 'b c' d\\ e \"f 'g\"") == ["a", "'b c'", "d\\ e", '"f \'g"']


@pytest.mark.parametrize(
    ("pattern", "fits", "fits_not"),
    [
        ("*.py", ["a.py"], ["d/a.py", "apy"]),
        ("**/*.py", ["a.py", "d/e/a.py"], ["a.pyc"]),
        ("d/**", ["d/a", "d/e/f"], ["e"]),
        ("a?c[0-9]", ["abc1"], ["a/c1", "abcx"]),
        ("[^a]b", ["cb"], ["ab", "/b"]),
        ("a\\*", ["a*"], ["ab"]),
        ("a.b", ["a.b"], ["axb"]),
    ],
)
def test_patterns_stay_within_names_but_for_two_stars(
    pattern: str, fits: list[str], fits_not: list[str]
):
    match = compiled(pattern).fullmatch
    assert [bool(match(path)) for path in fits + fits_not] == [True] * len(fits) + [False] * len(
        fits_not
    )


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=8))
def test_the_pattern_of_a_name_fits_as_any_other(pattern: str, name: str):
    assert bool(of_name(pattern).fullmatch(name)) == bool(compiled(pattern).fullmatch(name))


def test_no_pattern_of_a_name_takes_for_ever():
    """Tried in every way there is, this one would take longer than the universe is old."""
    assert of_name("*a" * 40 + "b").fullmatch("a" * 250) is None


@pytest.mark.parametrize("kind", [compiled, of_name])
@pytest.mark.parametrize("pattern", ["[z-a]", "[a"])
def test_what_is_no_pattern_is_an_error(kind: Callable[[str], object], pattern: str):
    with pytest.raises(ValueError, match="a"):
        kind(pattern)


def test_a_line_of_many_flags_is_read_once():
    (one,) = read(f"RUN {'--a=b ' * 100_000}x")
    assert (len(one.flags), one.rest) == (100_000, "x")


def test_the_last_line_that_fits_decides_what_is_left_out():
    ignored = Ignored(["# no", "*.log", "build/", "!build/keep", "/top", "**/secret"])
    every = ["a.log", "d/a.log", "build/x", "build/keep/y", "top", "d/top", "d/e/secret", "a"]
    assert [path for path in every if ignored.leaves_out(path)] == [
        "a.log",
        "build/x",
        "top",
        "d/e/secret",
    ]


@pytest.mark.parametrize(
    ("text", "takes"),
    [
        ("FROM a\nRUN x", False),
        ("FROM a\nCOPY a b", True),
        ("FROM a\nCOPY --from=x a b", False),
        ("FROM a\nCOPY <<X /y\nX", False),
        ('FROM a\nADD ["a", "b"]', True),
    ],
)
def test_a_context_is_sent_only_where_something_is_copied_from_it(text: str, takes: bool):
    assert takes_from_context(read(text)) is takes
