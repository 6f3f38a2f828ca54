"""Patterns of file names: what COPY takes, and what a ``.dockerignore`` leaves out.

``*`` and ``?`` stay within one name, ``**`` goes through folders, ``[a-c]`` is one character, the escape is ``\\``. Paths are
relative to the context and hold no ``.`` or ``..``.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable


def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern as an expression for ``fullmatch``. Raises ``ValueError`` where it is none."""
    found, at = "", 0
    while at < len(pattern):
        if pattern.startswith("**/", at):
            found, at = found + "(?:.*/)?", at + 3
        elif pattern.startswith("**", at):
            found, at = found + ".*", at + 2
        elif pattern[at] == "[":
            inside, at = _one_of(pattern, at)
            found += inside
        else:
            piece, at = _plain(pattern, at)
            found += piece
    return _expression(pattern, found)


def of_name(pattern: str) -> re.Pattern[str]:
    """The same for the name of one file, which has no ``/`` in it. Raises ``ValueError`` where it is none.

    Whoever wrote the pattern need not be trusted: what stands between two ``*`` is sought once, and never sought again.
    """
    pieces, at = [""], 0
    while at < len(pattern):
        if pattern[at] == "*":
            pieces.append("")
            at += 1
            continue
        inside, at = (_one_of if pattern[at] == "[" else _plain)(pattern, at)
        pieces[-1] += inside
    first, *middle, last = pieces if len(pieces) > 1 else [*pieces, ""]
    sought = "".join(f"(?>.*?{piece})" for piece in middle if piece)
    return _expression(pattern, f"{first}{sought}{'.*' * (len(pieces) > 1)}{last}")


def _expression(pattern: str, found: str) -> re.Pattern[str]:
    try:
        return re.compile(found, re.DOTALL)
    except re.error as problem:
        raise ValueError(f"{pattern!r} is no pattern: {problem}") from None


def _plain(pattern: str, at: int) -> tuple[str, int]:
    char = pattern[at]
    if char == "*":
        return "[^/]*", at + 1
    if char == "?":
        return "[^/]", at + 1
    if char == "\\" and at + 1 < len(pattern):
        return re.escape(pattern[at + 1]), at + 2
    return re.escape(char), at + 1


def _one_of(pattern: str, at: int) -> tuple[str, int]:
    end = pattern.find("]", at + 2)
    if end < 0:
        raise ValueError(f"{pattern!r} has a [ without its ]")
    inside = pattern[at + 1 : end]
    negated = inside[:1] in ("^", "!")
    chars = re.sub(r"([\\\[\]^&~|])", r"\\\1", inside[negated:])
    return f"[{'^/' * negated}{chars}]", end + 1


class Ignored:
    """What a ``.dockerignore`` says: the last line that fits a path, or a folder above it, decides; ``!`` takes it back."""

    def __init__(self, lines: Iterable[str] = ()) -> None:
        self._rules: list[tuple[bool, re.Pattern[str]]] = []
        for line in lines:
            text = line.strip()
            if not text or text.startswith("#"):
                continue
            back = text.startswith("!")
            name = posixpath.normpath(text.removeprefix("!").strip()).lstrip("/")
            if name != ".":
                self._rules.append((back, compiled(name)))

    @property
    def takes_back(self) -> bool:
        """Whether what is in a folder that is left out may still be wanted."""
        return any(back for back, _ in self._rules)

    def leaves_out(self, path: str) -> bool:
        """Whether a path does not belong to the context."""
        names = path.split("/")
        above = ["/".join(names[:depth]) for depth in range(1, len(names) + 1)]
        left_out = False
        for back, rule in self._rules:
            if left_out == back and any(rule.fullmatch(one) for one in above):
                left_out = not back
        return left_out
