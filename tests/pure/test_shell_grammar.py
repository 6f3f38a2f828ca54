"""What the words of a command line mean, beside those of a notebook."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

import tfnz_jupyter
from tfnz_jupyter.errors import UsageError
from tfnz_jupyter.grammar import shell as s

MEANINGS = {
    "serve": s.Serve(),
    "serve --bind 0.0.0.0 --bind [::]:99 --name lab": s.Serve(
        bind=("0.0.0.0", "[::]:99"), name="lab"
    ),
    "serve --engine e --address a:1 --idle 2.5 --ready-fd 3": s.Serve(
        engine="e", address="a:1", idle=2.5, ready_fd=3
    ),
    "serve --engine kubernetes --init-image i": s.Serve(
        engine="kubernetes", options=(("init_image", "i"),)
    ),
    "serve --hand-over": s.Serve(hand_over=True),
    "serve --sessions 2 --containers=3 --memory 4g": s.Serve(
        sessions=2, containers=3, memory=4 << 30
    ),
    "invite ada": s.Invite("ada"),
    "invite ada --expires 7d --memory 1g": s.Invite("ada", 7 * 86_400.0, memory=1 << 30),
    "join tfnz1-x": s.Join("tfnz1-x"),
    "join tfnz1-x --as lab": s.Join("tfnz1-x", "lab"),
    "accounts": s.ListAccounts(),
    "revoke ada": s.Revoke("ada"),
    "account backup f": s.Backup("f"),
    "account backup f lab other": s.Backup("f", ("lab", "other")),
    "account restore f": s.Restore("f"),
    "locations": s.ListLocations(),
    "locations --default lab": s.ListLocations("lab"),
    "invite -h": s.Help("invite"),
    "account backup --help": s.Help("account backup"),
}
REFUSALS = {
    "invite": ("tfnz invite needs a NAME.", "invite ada"),
    "invite ada bob": ("no place for 'bob'", "-h"),
    "invite ada --expires soon": ("a duration is a number", ""),
    "invite ada --expire 3h": ("has no --expire", "--expires"),
    "serve --bind": ("--bind needs a value", ""),
    "serve --idle -1": ("a number of seconds", ""),
    "account": ("tfnz has no 'account'", "tfnz"),
    "account backdown f": ("tfnz has no 'account backdown'", "tfnz account backup"),
    "revok ada": ("tfnz has no 'revok'", "tfnz revoke"),
}


@pytest.mark.parametrize("line", MEANINGS)
def test_a_command_line_means(line: str) -> None:
    assert s.parse_shell(line.split()) == MEANINGS[line]


@pytest.mark.parametrize("line", REFUSALS)
def test_what_has_no_meaning_is_refused_with_the_nearest_right_word(line: str) -> None:
    with pytest.raises(UsageError) as refusal:
        s.parse_shell(line.split())
    words, hint = REFUSALS[line]
    assert words in refusal.value.message
    assert hint in refusal.value.hint


@pytest.mark.parametrize("verb", s.SHELL_VERBS, ids=lambda verb: verb.name)
def test_every_command_explains_itself(verb: s.Verb) -> None:
    page = s.describe_shell(verb.name)
    assert page.startswith(f"tfnz {verb.name}")
    assert all(option.flags[-1] in page for option in verb.options)


def test_the_systemd_unit_says_what_serve_understands() -> None:
    unit = (Path(tfnz_jupyter.__file__).parent / "cli" / "tfnz.service").read_text()
    started = next(line for line in unit.splitlines() if line.startswith("ExecStart="))
    wish = s.parse_shell(shlex.split(started)[1:])
    assert isinstance(wish, s.Serve)
    assert wish.bind == ("0.0.0.0:2020",)
