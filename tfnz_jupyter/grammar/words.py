"""A line cut into words, as a shell does it, with where each word stands.

Quotes and backslashes work as in a POSIX shell, and so does a comment. ``$name`` and ``{name}`` outside single quotes may
stand for a value: whether they do is decided later, by who knows the names and whether the word belongs to a command that
must stay as it is (``awk '{print}'``).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

#: What a name stands for, or None if it stands for itself.
Lookup = Callable[[str], str | None]

_NAME = re.compile(r"\$\{([A-Za-z_]\w*)\}|\$([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\}")


@dataclass(frozen=True, slots=True)
class Word:
    """One word: its parts (text, may names in it be replaced) and its place in the line.

    ``closed`` is False for a last word whose quote was never closed.
    """

    parts: tuple[tuple[str, bool], ...]
    start: int
    end: int
    closed: bool = True

    @property
    def text(self) -> str:
        """The word without its quotes, names left as they are."""
        return "".join(text for text, _ in self.parts)

    def expanded(self, lookup: Lookup) -> str:
        """The word with the names that ``lookup`` knows replaced."""
        return "".join(_expand(text, lookup) if free else text for text, free in self.parts)


def _expand(text: str, lookup: Lookup) -> str:
    def value(match: re.Match[str]) -> str:
        found = lookup(next(name for name in match.groups() if name))
        return match.group() if found is None else found

    return _NAME.sub(value, text)


def split(line: str) -> list[Word]:
    """The words of ``line``, up to a comment."""
    words, at = [], 0
    while (at := _skip_blanks(line, at)) < len(line) and line[at] != "#":
        word = _Scanner(line, at).word()
        words.append(word)
        at = word.end
    return words


def _skip_blanks(line: str, at: int) -> int:
    while at < len(line) and line[at].isspace():
        at += 1
    return at


class _Scanner:
    """One pass over one word."""

    def __init__(self, line: str, start: int) -> None:
        self.line, self.start, self.at = line, start, start
        self.parts: list[tuple[str, bool]] = []
        self.closed = True

    def word(self) -> Word:
        while self.at < len(self.line) and not self.line[self.at].isspace():
            char = self.line[self.at]
            if char == "'":
                self._quoted(char, free=False)
            elif char == '"':
                self._double()
            elif char == "\\":
                self._add(self.line[self.at + 1 : self.at + 2], free=False)
                self.at = min(self.at + 2, len(self.line))
            else:
                self._add(char, free=True)
                self.at += 1
        return Word(tuple(self.parts), self.start, self.at, self.closed)

    def _add(self, text: str, *, free: bool) -> None:
        if self.parts and self.parts[-1][1] == free:
            text = self.parts.pop()[0] + text
        self.parts.append((text, free))

    def _quoted(self, quote: str, *, free: bool) -> None:
        end = self.line.find(quote, self.at + 1)
        self.closed = end >= 0
        end = end if self.closed else len(self.line)
        self._add(self.line[self.at + 1 : end], free=free)
        self.at = end + self.closed

    def _double(self) -> None:
        self.at += 1
        self._add("", free=True)
        while self.at < len(self.line) and self.line[self.at] != '"':
            char, after = self.line[self.at], self.line[self.at + 1 : self.at + 2]
            if char == "\\" and after and after in '"\\$`{':
                self._add(after, free=False)
                self.at += 2
            else:
                self._add(char, free=True)
                self.at += 1
        self.closed = self.at < len(self.line)
        self.at += self.closed
