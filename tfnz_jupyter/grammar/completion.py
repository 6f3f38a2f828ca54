"""What could stand at the cursor, from the same table the parser reads."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from .slots import Argument, Kind, Option, Verb
from .table import BY_NAME, GROUPS, VERBS
from .verbs_cells import CELLS, CELLS_BY_NAME
from .words import Word, split


class CompletionNames(Struct, frozen=True):
    """What there is to name. All of it is known here already: completing asks nobody."""

    containers: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    published: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    locations: tuple[str, ...] = ()


class Candidate(Struct, frozen=True):
    """A text that may replace ``line[start:cursor]``; ``kind`` is verb, option, value, path or a field of the names.

    A candidate of kind path or inside (a path in the container named ``about``) has no text: whoever asked knows the
    files, we do not.
    """

    text: str
    start: int
    kind: Kind
    about: str = ""


def complete(
    line: str, cursor: int, names: CompletionNames, *, cell: bool = False
) -> list[Candidate]:
    """All that fits between the last blank and the cursor, best order first; ``cell`` for the line of ``%%tf``."""
    words = split(line[:cursor])
    typed = (
        words.pop() if words and words[-1].end == cursor else Word((("", True),), cursor, cursor)
    )
    if not words:
        return list(_verbs(typed, CELLS if cell else VERBS))
    first = words[0].text
    if first in GROUPS and len(words) == 1:
        return [
            Candidate(second, typed.start, "verb", BY_NAME[f"{first} {second}"].summary)
            for second in GROUPS[first]
            if second.startswith(typed.text)
        ]
    named = 2 if first in GROUPS else 1
    known = CELLS_BY_NAME if cell else BY_NAME
    verb = known.get(" ".join(word.text for word in words[:named]))
    if verb is None:
        return []
    return list(_Place(verb, words[named:], typed, names).candidates())


def _verbs(typed: Word, known: tuple[Verb, ...]) -> Iterator[Candidate]:
    """First words; a group is one."""
    told = set()
    for verb in known:
        first, _, second = verb.name.partition(" ")
        if first.startswith(typed.text) and first not in told:
            told.add(first)
            about = ", ".join(GROUPS[first]) if second else verb.summary
            yield Candidate(first, typed.start, "verb", about)


class _Place:
    """One place in a line: the verb, what stands before, and what is typed of the word itself."""

    def __init__(self, verb: Verb, before: list[Word], typed: Word, names: CompletionNames) -> None:
        self.verb, self.typed, self.names = verb, typed, names
        self.given: list[str] = []
        self.used: set[str] = set()
        self.awaiting: Option | None = None
        self.in_command = False
        for word in before:
            self._pass(word.text)

    def _pass(self, word: str) -> None:
        if self.awaiting:
            self.awaiting = None
        elif word.startswith("-") and not self.in_command:
            option = self._option(word)
            if option:
                self.used.add(option.field)
                awaits = option.metavar and option.implied is None and "=" not in word
                self.awaiting = option if awaits else None
        else:
            self.in_command = self.in_command or self._fixed_given()
            self.given.append(word)

    def _option(self, word: str) -> Option | None:
        flag = word.partition("=")[0]
        return next((option for option in self.verb.options if flag in option.flags), None)

    def _fixed_given(self) -> bool:
        """Whether the next plain word would begin a command."""
        return self.verb.has_rest and len(self.given) >= len(self.verb.arguments) - 1

    def candidates(self) -> Iterator[Candidate]:
        text = self.typed.text
        if self.awaiting:
            yield from self._values(self.awaiting, text, self.typed.start)
        elif self.in_command:
            yield from self._in_command(text)
        elif text.startswith("--") and "=" in text:
            option = self._option(text)
            flag = text.partition("=")[0]
            if option:
                yield from self._values(
                    option, text[len(flag) + 1 :], self.typed.start + len(flag) + 1
                )
        elif text.startswith("-"):
            yield from self._options(text)
        else:
            yield from self._arguments(text)

    def _in_command(self, text: str) -> Iterator[Candidate]:
        """Of somebody else's command only the paths are known, where its container is there already."""
        there = any(argument.kind == "containers" for argument in self.verb.arguments)
        if there and text.startswith("/"):
            yield Candidate("", self.typed.start, "inside", self.given[0])

    def _options(self, text: str) -> Iterator[Candidate]:
        for option in self.verb.options:
            if option.repeats or option.field not in self.used:
                flags = [flag for flag in option.flags if flag.startswith(text)]
                for flag in flags[-1:]:
                    yield Candidate(flag, self.typed.start, "option", option.help)

    def _arguments(self, text: str) -> Iterator[Candidate]:
        argument = self._argument()
        if argument and argument.how != "rest":
            yield from self._values(argument, text, self.typed.start)

    def _argument(self) -> Argument | None:
        arguments = self.verb.arguments
        if len(self.given) < len(arguments):
            return arguments[len(self.given)]
        return arguments[-1] if arguments and arguments[-1].how == "some" else None

    def _values(self, slot: Option | Argument, text: str, start: int) -> Iterator[Candidate]:
        if slot.kind == "path":
            yield Candidate("", start, "path")
            return
        if slot.kind == "inside":
            yield Candidate("", start, "inside", self.given[0] if self.given else "")
            return
        kind = slot.kind or "value"
        for name in self._known(slot):
            if name.startswith(text) and name not in self.given:
                yield Candidate(name, start, kind)

    def _known(self, slot: Option | Argument) -> tuple[str, ...]:
        if slot.kind == "verb":
            return tuple(dict.fromkeys(verb.name.split()[0] for verb in VERBS))
        if isinstance(slot, Option) and slot.choices:
            return slot.choices
        known: tuple[str, ...] = getattr(self.names, slot.kind) if slot.kind else ()
        return known
