"""Instructions in stages: each begins with FROM, and later ones may take from it.

What stands before the first FROM is ARG alone; those values are seen by FROM, and in a stage that says ARG again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .reading import Instruction, wrong
from .words import Lookup, expand, split_words

_NAME = re.compile(r"[a-z][a-z0-9_.-]*")


@dataclass(frozen=True, slots=True)
class Stage:
    """``base`` is what FROM names, with variables filled in: an image, an earlier stage, ``scratch``."""

    index: int
    name: str  # in lower case; empty where it has none
    base: str
    platform: str
    first: Instruction  # its FROM
    instructions: tuple[Instruction, ...]


def stages(
    instructions: Sequence[Instruction], given: Mapping[str, str]
) -> tuple[list[Stage], dict[str, str]]:
    """The stages, and the values of what stands before them; ``given`` are the values from outside.

    Raises:
        UsageError: there is no stage, or one is malformed; with the line.
    """
    before, at = _arguments(instructions, given)
    found: list[Stage] = []
    while at < len(instructions):
        start, at = at, at + 1
        while at < len(instructions) and instructions[at].name != "FROM":
            at += 1
        found.append(_stage(len(found), instructions[start:at], before.get))
    if not found:
        raise wrong(1, "there is no FROM", "A Dockerfile begins like this: FROM debian")
    return found, before


def takes_from_context(instructions: Sequence[Instruction]) -> bool:
    """Whether anything is copied that is neither in a stage nor in the Dockerfile itself."""
    for one in instructions:
        if one.name in ("COPY", "ADD") and "from" not in dict(one.flags):
            words = (one.listed() or one.rest.split())[:-1]
            if any(not word.startswith("<<") for word in words):
                return True
    return False


def assigned(one: Instruction, lookup: Lookup) -> list[tuple[str, str | None]]:
    """What an ARG names, and the defaults it gives. Raises ``UsageError``."""
    found: list[tuple[str, str | None]] = []
    try:
        for word in split_words(one.rest, one.escape):
            name, equals, default = word.partition("=")
            found.append((name, expand(default, lookup, one.escape) if equals else None))
    except ValueError as problem:
        raise wrong(one.line, f"ARG {one.rest}: {problem}") from None
    return found


def _arguments(
    instructions: Sequence[Instruction], given: Mapping[str, str]
) -> tuple[dict[str, str], int]:
    values: dict[str, str] = {}
    for at, one in enumerate(instructions):
        if one.name == "FROM":
            return values, at
        if one.name != "ARG":
            raise wrong(one.line, f"{one.name} stands before the first FROM", "Only ARG may.")
        for name, default in assigned(one, values.get):
            value = given.get(name, default)
            if value is not None:
                values[name] = value
    return values, len(instructions)


def _stage(index: int, lines: Sequence[Instruction], lookup: Lookup) -> Stage:
    first = lines[0]
    flags = dict(first.flags)
    platform = flags.pop("platform", "")
    if flags:
        raise wrong(first.line, f"FROM has no --{next(iter(flags))}", "It has --platform.")
    words = first.rest.split()
    if len(words) not in (1, 3) or (len(words) == 3 and words[1].upper() != "AS"):
        raise wrong(first.line, f"FROM {first.rest} is not FROM IMAGE [AS NAME]")
    name = words[2].lower() if len(words) == 3 else ""
    if name and not _NAME.fullmatch(name):
        raise wrong(first.line, f"{name!r} cannot be the name of a stage")
    try:
        base, on = (expand(text, lookup, first.escape) for text in (words[0], platform))
    except ValueError as problem:
        raise wrong(first.line, f"FROM {first.rest}: {problem}") from None
    if not base:
        raise wrong(first.line, f"FROM {words[0]}: that is empty", "Give the ARG a default.")
    return Stage(index, name, base, on, first, tuple(lines[1:]))
