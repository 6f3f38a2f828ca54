"""A Dockerfile's text as instructions, each with the line it begins at.

Continued lines are one, comments and empty lines within them are not there; here-documents are what follows the
instruction that names them. ``# escape=`` at the top chooses the character that continues a line.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import UsageError

#: Every instruction there is.
NAMES = (
    "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER",
    "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
)  # fmt: skip
_WITH_FLAGS = {"ADD", "COPY", "FROM", "HEALTHCHECK", "RUN"}
_WITH_HEREDOCS = {"ADD", "COPY", "RUN"}
_DIRECTIVE = re.compile(r"#\s*(escape|syntax|check)\s*=\s*(\S+)\s*", re.IGNORECASE)
_FLAG = re.compile(r"--([a-z][a-z-]*)(?:=(\S*))?(?:\s+|$)")
_HEREDOC = re.compile(r"(?:(?<=\s)|^)<<(-?)([\"']?)([A-Za-z_][A-Za-z0-9_.-]*)\2(?=[\s;|&>)]|$)")
_SHOWN = 80  # characters of an instruction that messages repeat


@dataclass(frozen=True, slots=True)
class Heredoc:
    """A text that stands below its instruction. ``expands``: variables in it are filled in."""

    name: str
    text: str
    expands: bool


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: ``rest`` is what stands behind its name and flags, as it was written, in one line."""

    line: int
    name: str
    rest: str
    flags: tuple[tuple[str, str], ...] = ()
    heredocs: tuple[Heredoc, ...] = ()
    escape: str = "\\"

    @property
    def shown(self) -> str:
        """As messages and logs repeat it."""
        flags = [f"--{name}={value}" if value else f"--{name}" for name, value in self.flags]
        text = " ".join([self.name, *flags, *self.rest.split()])
        return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"

    def listed(self) -> list[str] | None:
        """The words of the JSON form, or None where it is not in that form."""
        if not self.rest.startswith("["):
            return None
        try:
            found = json.loads(self.rest)
        except ValueError:
            return None
        plain = isinstance(found, list) and all(isinstance(one, str) for one in found)
        return found if plain else None


def wrong(line: int, message: str, hint: str = "") -> UsageError:
    """The error for an instruction that has no meaning."""
    return UsageError(f"Dockerfile line {line}: {message}", hint=hint)


def read(text: str) -> list[Instruction]:
    """All instructions, in order.

    Raises:
        UsageError: a line has no meaning; the message has its number, the hint the nearest right word.
    """
    reader = _Reader(text.removeprefix("\ufeff").splitlines())
    return list(reader.instructions())


class _Reader:
    """Goes through the lines once."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._at = 0
        self._escape = "\\"
        self._read_directives()

    def _read_directives(self) -> None:
        while self._at < len(self._lines):
            found = _DIRECTIVE.fullmatch(self._lines[self._at].strip())
            if found is None:
                return
            self._at += 1
            if found[1].lower() == "escape":
                if found[2] not in ("\\", "`"):
                    raise wrong(self._at, f"escape={found[2]} is neither \\ nor `")
                self._escape = found[2]

    def instructions(self) -> Iterator[Instruction]:
        while self._at < len(self._lines):
            line = self._at + 1
            text = self._logical()
            if text:
                yield self._instruction(line, text)

    def _logical(self) -> str:
        """The next line with all that continue it; empty for a comment, and where there is nothing."""
        parts: list[str] = []
        while self._at < len(self._lines):
            raw = self._lines[self._at]
            self._at += 1
            bare = raw.strip()
            if bare.startswith("#") or not bare:
                if parts:
                    continue
                return ""
            if not raw.rstrip().endswith(self._escape):
                parts.append(raw.rstrip() if parts else bare)
                break
            continued = raw.rstrip()[:-1]
            parts.append(continued if parts else continued.lstrip())
        return "".join(parts).strip()

    def _instruction(self, line: int, text: str) -> Instruction:
        word, *behind = text.split(maxsplit=1)
        name, rest = word.upper(), behind[0] if behind else ""
        if name not in NAMES:
            near = difflib.get_close_matches(name, NAMES, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(NAMES)}."
            raise wrong(line, f"there is no instruction {word!r}", hint)
        flags: list[tuple[str, str]] = []
        at = 0
        while name in _WITH_FLAGS and (found := _FLAG.match(rest, at)):
            flags.append((found[1], found[2] or ""))
            at = found.end()
        rest = rest[at:]
        heredocs = tuple(self._heredocs(line, rest)) if name in _WITH_HEREDOCS else ()
        if not rest:
            raise wrong(line, f"{name} needs something behind it")
        return Instruction(line, name, rest, tuple(flags), heredocs, self._escape)

    def _heredocs(self, line: int, rest: str) -> Iterator[Heredoc]:
        for dash, quote, name in _HEREDOC.findall(rest):
            yield Heredoc(name, self._until(line, name, bool(dash)), not quote)

    def _until(self, line: int, name: str, strips: bool) -> str:
        """The lines up to the one that is a here-document's name."""
        found: list[str] = []
        while self._at < len(self._lines):
            raw = self._lines[self._at]
            self._at += 1
            if strips:
                raw = raw.lstrip("\t")
            if raw == name:
                return "".join(f"{one}\n" for one in found)
            found.append(raw)
        raise wrong(line, f"the text that <<{name} begins has no end", f"End it with a line {name}")
