"""Words to a command, by the table; or one short error with the nearest right word."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any

from ..errors import UsageError
from .commands import Command, Dashboard, Help, Spawn
from .slots import Argument, Option, Verb
from .table import BY_NAME, GROUPS
from .verbs_cells import CELLS_BY_NAME
from .words import Lookup, Word, split

_HELP = ("-h", "--help")


#: Words of Docker's, and what does that here.
ELSEWHERE = {
    "run": "Did you mean: {prog} spawn",
    "create": "Did you mean: {prog} spawn",
    "cp": "{prog} put NAME SRC DEST copies into a container, {prog} get NAME SRC out of one.",
    "restart": "Did you mean: {prog} reboot",
    "images": "Did you mean: {prog} image ls",
    "rmi": "Did you mean: {prog} image rm",
    "volumes": "Did you mean: {prog} volume ls",
    "kill": "{prog} rm destroys a container.",
    "inspect": "{prog} ps shows what is known; a container's name in a cell shows its card.",
    "top": "{prog} exec NAME ps lists the processes of a container.",
    "port": "Did you mean: {prog} tunnel",
    "pull": "Did you mean: {prog} image pull. A spawn also fetches the image it needs.",
    "attach": "Did you mean: {prog} logs -f",
    "info": "Did you mean: {prog} doctor",
}
#: A typing mistake is not taken for the wish to destroy.
_NEVER_MEANT = {"rm", "stop", "disconnect", "volume rm", "image rm", "unpublish"}


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that was probably meant, or ''."""
    harmless = [name for name in known if name not in _NEVER_MEANT or name[:2] == word[:2]]
    found = difflib.get_close_matches(word, harmless, n=1, cutoff=0.7)
    return found[0] if found else ""


def parse(line: str | Sequence[str], *, lookup: Lookup | None = None, prog: str = "%tf") -> Command:
    """What a line means.

    Args:
        line: the text after ``%tf``, or the words a shell has already split.
        lookup: gives the value of ``$name`` and ``{name}``, or None to leave it as it stands. It is never asked about
            the command of spawn and exec.
        prog: how the user calls us, for messages.

    Raises:
        UsageError: it has no meaning; the message names the word, the hint the nearest right one.
    """
    words = _words(line)
    if not words:
        return Dashboard()
    if words[0].text in _HELP:
        return Help()
    if words[0].text in GROUPS and [word.text for word in words[1:2]] in ([one] for one in _HELP):
        return Help(words[0].text)
    name, rest = _named(words, prog)
    command: Command = read(_verb(name, prog), name, rest, lookup or _nothing, prog)
    if isinstance(command, Spawn) and _takes_body(command):
        raise UsageError(
            f"{prog} spawn -f -:PATH makes a cell the file.", hint="Begin the cell with: %%tf spawn"
        )
    return command


def parse_cell(
    line: str, body: str, *, lookup: Lookup | None = None, prog: str = "%%tf"
) -> Command:
    """What a cell means: the line after ``%%tf``, and the text below it.

    Raises:
        UsageError: as :func:`parse`; or the verb takes no cell, or the cell is empty.
    """
    words = _words(line)
    name = words[0].text if words else ""
    if not name or name in _HELP:
        raise UsageError(f"{prog} takes a cell for: {', '.join(CELLS_BY_NAME)}.")
    verb = CELLS_BY_NAME.get(name)
    if verb is None:
        raise _no_cell(name, prog)
    command: Command = read(verb, name, words[1:], lookup or _nothing, prog, body=body)
    if isinstance(command, Spawn) and not _takes_body(command):
        raise UsageError(
            f"{prog} spawn does not say what the cell is.", hint="-f -:PATH makes it a file there."
        )
    return command


def _takes_body(command: Spawn) -> bool:
    return any(source == "-" for source, _ in command.files)


def _no_cell(name: str, prog: str) -> UsageError:
    if name in BY_NAME or name in GROUPS:
        return UsageError(f"{prog} {name} takes no cell.", hint=f"On a line: %tf {name}")
    near = nearest(name, CELLS_BY_NAME)
    hint = f"Did you mean: {prog} {near}" if near else f"There are: {', '.join(CELLS_BY_NAME)}."
    return UsageError(f"{prog} has no {name!r}.", hint=hint)


def _words(line: str | Sequence[str]) -> list[Word]:
    """Cut a line into words, or take those a shell has cut."""
    if not isinstance(line, str):
        return [Word(((text, False),), 0, 0) for text in line]
    words = split(line)
    if words and not words[-1].closed:
        raise UsageError(f"{line[words[-1].start :].strip()!r} has a quote that is never closed")
    return words


def read(
    verb: Verb,
    called: str,
    words: list[Word],
    lookup: Lookup,
    prog: str,
    *,
    body: str | None = None,
) -> Any:
    """The command that a verb and the words behind it mean. Raises ``UsageError``."""
    return _Parser(verb, called, words, lookup, prog, body=body).command()


def _named(words: list[Word], prog: str) -> tuple[str, list[Word]]:
    """The verb's name, which may be two words, and what follows."""
    first = words[0].text
    if first not in GROUPS:
        return first, words[1:]
    known = GROUPS[first]
    if len(words) == 1:
        raise UsageError(
            f"{prog} {first} needs one of: {', '.join(known)}.",
            hint=f"For example: {prog} {first} {known[0]}",
        )
    second = words[1].text
    if second not in known:
        near = nearest(second, known)
        hint = f"Did you mean: {prog} {first} {near}" if near else f"There are: {', '.join(known)}."
        raise UsageError(f"{prog} {first} has no {second!r}.", hint=hint)
    return f"{first} {second}", words[2:]


def _nothing(name: str) -> str | None:
    return None


def _verb(name: str, prog: str) -> Verb:
    verb = BY_NAME.get(name)
    if verb is None:
        near = nearest(name, {known.split()[0] for known in BY_NAME})
        hint = f"Did you mean: {prog} {near}" if near else f"{prog} help lists what there is."
        hint = ELSEWHERE[name].format(prog=prog) if name in ELSEWHERE else hint
        raise UsageError(f"{prog} has no {name!r}.", hint=hint)
    return verb


class _Parser:
    """One reading of one line."""

    def __init__(
        self,
        verb: Verb,
        called: str,
        words: list[Word],
        lookup: Lookup,
        prog: str,
        *,
        body: str | None = None,
    ) -> None:
        self.verb, self.words, self.lookup = verb, words, lookup
        self.called, self.call = called, f"{prog} {called}"
        self.at = 0
        self.found: dict[str, Any] = {} if body is None else {"body": body}
        self.given: list[str] = []

    def command(self) -> Any:
        help_wanted = self._read_words()
        if help_wanted:
            return Help(self.verb.name)
        if not self.found.get("body", "some").strip():
            raise UsageError(f"{self.call}: the cell is empty.")
        self._read_arguments()
        if self.verb.alias:
            self.found["called"] = self.called
        return self.verb.command(**self.found)

    def _next(self) -> str:
        word = self.words[self.at]
        self.at += 1
        return word.expanded(self.lookup)

    def _read_words(self) -> bool:
        """Options into ``found``, other words into ``given``; True if help was asked for."""
        only_words = False
        while self.at < len(self.words):
            word = self.words[self.at].text
            if not only_words and word.startswith("-") and word != "-":
                if word in _HELP:
                    return True
                only_words = word == "--"
                if only_words:
                    self.at += 1
                else:
                    self._read_option(self._next())
            elif self.verb.has_rest and len(self.given) == len(self.verb.arguments) - 1:
                self._read_rest()
            else:
                self.given.append(self._next())
        return False

    def _read_rest(self) -> None:
        """What is left is a command of somebody else's: nothing in it expands, nothing in it is ours."""
        rest = [word.text for word in self.words[self.at :]]
        self.at = len(self.words)
        self.found[self.verb.arguments[-1].field] = tuple(rest)

    # -- options ---------------------------------------------------------------------------------------------------

    def _read_option(self, word: str) -> None:
        flag, option, value = self._option(word)
        if option.implied is not None:
            self._store(option, self._read(option, value or option.implied, f"{flag} {value!r}"))
        elif option.metavar:
            self._store(option, self._value(option, flag, value))
        elif value is not None:
            raise UsageError(f"{self.call} {flag} takes no value, not {value!r}.")
        else:
            self._store(option, True)

    def _option(self, word: str) -> tuple[str, Option, str | None]:
        """The option a word gives, with its value if that is in the word: --name=web, -p80."""
        flag, equals, value = word.partition("=")
        short, attached = word[:2], word[2:]
        for option in self.verb.options:
            if flag in option.flags:
                return flag, option, value if equals else None
            if short in option.flags and attached and option.metavar and not word.startswith("--"):
                return short, option, attached.removeprefix("=")
        raise self._unknown(flag)

    def _unknown(self, flag: str) -> UsageError:
        for flags, advice in self.verb.refused:
            if flag in flags:
                return UsageError(
                    f"{self.call} has no {flag}.", hint=f"{advice[:1].upper()}{advice[1:]}."
                )
        known = [name for option in self.verb.options for name in option.flags]
        long = [name for name in known if name.startswith("--")]
        near = nearest(flag, long) if len(flag) > 2 else ""
        hint = f"Did you mean {near}?" if near else f"{self.call} -h lists its options."
        return UsageError(f"{self.call} has no {flag}.", hint=hint)

    def _value(self, option: Option, flag: str, value: str | None) -> Any:
        if value is None:
            if self.at >= len(self.words):
                raise UsageError(f"{self.call} {flag} needs a value: {flag} {option.metavar}")
            value = self._next()
        return self._read(option, value, f"{flag} {value!r}")

    def _store(self, option: Option, value: Any) -> None:
        if option.repeats or option.gathers:
            self.found[option.field] = (*self.found.get(option.field, ()), value)
        elif option.field in self.found and option.metavar:
            raise UsageError(f"{self.call} {option.flags[-1]} can be given only once.")
        else:
            self.found[option.field] = value

    def _read(self, slot: Option | Argument, word: str, shown: str) -> Any:
        try:
            return slot.read(word)
        except ValueError as error:
            raise UsageError(f"{self.call} {shown}: {error}.") from None

    # -- arguments -------------------------------------------------------------------------------------------------

    def _read_arguments(self) -> None:
        given = list(self.given)
        for argument in self.verb.arguments:
            self._read_argument(argument, given)
        if given:
            hint = f"{self.call} -h shows what it takes."
            raise UsageError(f"{self.call} has no place for {given[0]!r}.", hint=hint)

    def _read_argument(self, argument: Argument, given: list[str]) -> None:
        match argument.how:
            case "rest":
                if len(self.found.setdefault(argument.field, ())) < argument.least:
                    raise self._missing(argument)
            case "some" | "any":
                if argument.how == "some" and not given:
                    raise self._missing(argument)
                self.found[argument.field] = tuple(
                    self._read(argument, word, repr(word)) for word in given
                )
                given.clear()
            case "words":
                self.found[argument.field] = " ".join(given) or None
                given.clear()
            case _ if given:
                word = given.pop(0)
                self.found[argument.field] = self._read(argument, word, repr(word))
            case "one":
                raise self._missing(argument)

    def _missing(self, argument: Argument) -> UsageError:
        hint = (
            f"For example: {self.call.split()[0]} {self.verb.example}" if self.verb.example else ""
        )
        return UsageError(f"{self.call} needs {_article(argument.metavar)}.", hint=hint)


def _article(metavar: str) -> str:
    return f"{'an' if metavar[0] in 'AEIOU' else 'a'} {metavar}"
