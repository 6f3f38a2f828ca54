"""Words of an instruction, with quotes taken away and variables filled in, as Docker does it.

``$NAME``, ``${NAME}``, ``${NAME:-word}`` (where it is not there or empty), ``${NAME:+word}`` (where it is something), both also
without the colon (empty counts as something then), ``${NAME:?word}``. Nothing is filled in within single quotes or behind
the escape character.
"""

from __future__ import annotations

import re
from collections.abc import Callable

#: Gives a variable's value, or None.
Lookup = Callable[[str], str | None]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9@*#]")
_ASSIGNED = re.compile(r"""[^\s"'=]+=""")


def expand(text: str, lookup: Lookup, escape: str = "\\") -> str:
    """One word, or a whole text taken as one. Raises ``ValueError`` saying what is wrong with it."""
    return _Word(text, lookup, escape).expanded()


def split_words(text: str, escape: str = "\\") -> list[str]:
    """Cut where white space stands outside of quotes; quotes and variables stay for :func:`expand`."""
    found, word, quote, at = [], "", "", 0
    while at < len(text):
        char = text[at]
        if char == escape and quote != "'" and at + 1 < len(text):
            word += text[at : at + 2]
            at += 2
            continue
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        if char.isspace() and not quote:
            found += [word] if word else []
            word = ""
        else:
            word += char
        at += 1
    if quote:
        raise ValueError(f"a quote {quote} is never closed")
    return [*found, *([word] if word else [])]


def pairs(text: str, lookup: Lookup, escape: str = "\\") -> list[tuple[str, str]]:
    """Of ``K=V K=V``, or of ``K the rest`` as ENV had it first. Raises ``ValueError``."""
    if not _ASSIGNED.match(text) and not text.startswith(('"', "'")):
        name, *rest = text.split(maxsplit=1)
        if not rest:
            raise ValueError(f"{name} has no value: it is {name}=VALUE")
        return [(expand(name, lookup, escape), expand(rest[0], lookup, escape))]
    found = []
    for word in split_words(text, escape):
        name, equals, value = word.partition("=")
        if not equals:
            raise ValueError(f"{word} has no value: it is {word}=VALUE")
        found.append((expand(name, lookup, escape), expand(value, lookup, escape)))
    return found


class _Word:
    """One text being filled in."""

    def __init__(self, text: str, lookup: Lookup, escape: str) -> None:
        self._text, self._lookup, self._escape = text, lookup, escape
        self._at = 0

    def expanded(self, end: str = "") -> str:
        """Up to ``end``, which is taken too, or to the end of the text."""
        found = ""
        while self._at < len(self._text):
            char = self._text[self._at]
            if end and char == end:
                self._at += 1
                return found
            found += self._piece(char)
        if end:
            raise ValueError(f"a {end} is missing")
        return found

    def _piece(self, char: str) -> str:
        self._at += 1
        if char == "'":
            return self._until_quote()
        if char == '"':
            return self._quoted()
        if char == "$":
            return self._variable()
        if char == self._escape and self._at < len(self._text):
            self._at += 1
            return self._text[self._at - 1]
        return char

    def _until_quote(self) -> str:
        end = self._text.find("'", self._at)
        if end < 0:
            raise ValueError("a quote ' is never closed")
        found, self._at = self._text[self._at : end], end + 1
        return found

    def _quoted(self) -> str:
        found = ""
        while self._at < len(self._text):
            char = self._text[self._at]
            self._at += 1
            if char == '"':
                return found
            if char == "$":
                found += self._variable()
            elif char == self._escape and self._text[self._at : self._at + 1] in (
                '"',
                "$",
                self._escape,
            ):
                found += self._text[self._at]
                self._at += 1
            else:
                found += char
        raise ValueError('a quote " is never closed')

    def _variable(self) -> str:
        braced = self._text[self._at : self._at + 1] == "{"
        named = _NAME.match(self._text, self._at + braced)
        if named is None:
            if braced:
                raise ValueError(f"{self._text[self._at - 1 :]} names no variable")
            return "$"
        self._at = named.end()
        value = self._lookup(named[0])
        return self._modified(named[0], value) if braced else value or ""

    def _modified(self, name: str, value: str | None) -> str:
        """What stands behind a name within braces."""
        how = ""
        for known in (":-", ":+", ":?", "-", "+", "?", "}"):
            if self._text.startswith(known, self._at):
                how = known
                break
        self._at += len(how)
        if how == "}":
            return value or ""
        if not how:
            raise ValueError(
                f"${{{name}{self._text[self._at :]} is none of ${{{name}}}, :-, :+, :?"
            )
        word = self.expanded("}")
        is_something = value is not None and (value != "" or ":" not in how)
        match how[-1]:
            case "-":
                return value or "" if is_something else word
            case "+":
                return word if is_something else ""
        if not is_something:
            raise ValueError(f"{name}: {word or 'it has no value'}")
        return value or ""
