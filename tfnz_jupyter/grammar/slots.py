"""What may stand in a line: a verb, its words, its options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

#: What a word names, for completion: one of the fields of CompletionNames, "verb", "path", or "" for free text.
Kind = str


class Option(Struct, frozen=True):
    """``metavar`` is empty for a switch. ``field`` is the command's attribute it fills.

    An option whose value may be left out has ``implied``: the word that stands for it then. Its value is given as
    ``--flag=VALUE`` only. One that ``gathers`` shares its field, a tuple, with others.
    """

    flags: tuple[str, ...]
    field: str
    help: str
    metavar: str = ""
    read: Callable[[str], Any] = str
    repeats: bool = False
    gathers: bool = False
    kind: Kind = ""
    choices: tuple[str, ...] = ()
    implied: str | None = None


class Argument(Struct, frozen=True):
    """``how``: one, optional, some (one or more), any (none or more), words (any, as one), rest (all, as it is).

    Of a rest there must be at least ``least``.
    """

    field: str
    metavar: str
    how: str = "one"
    read: Callable[[str], Any] = str
    kind: Kind = ""
    least: int = 0


class Verb(Struct, frozen=True):
    """One verb, or alias, and what it makes of its words; a name of two words belongs to a group."""

    name: str
    command: type[Any]
    summary: str
    arguments: tuple[Argument, ...] = ()
    options: tuple[Option, ...] = ()
    notes: str = ""
    example: str = ""
    alias: str = ""
    refused: tuple[tuple[tuple[str, ...], str], ...] = ()  # options of others, and what to do here

    @property
    def has_rest(self) -> bool:
        return bool(self.arguments) and self.arguments[-1].how == "rest"
