"""The findings, and how they read: pure data and its text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Literal

State = Literal["ok", "degraded", "missing"]

_SIGNS = {"ok": "OK      ", "degraded": "degraded", "missing": "MISSING "}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. ``missing``: the engine cannot work; ``degraded``: it works, with less."""

    name: str
    state: State
    why: str  # what it is for, or what is wrong with it
    mend: str = ""  # the command or step that makes it ok
    package: str = ""  # the Debian package that brings it, if one does


@dataclass(frozen=True, slots=True)
class Report:
    """All checks, where things lie (what, path), and whether a location runs for this user."""

    checks: tuple[Check, ...]
    places: tuple[tuple[str, str], ...]
    running: bool
    subject: str = "The embedded engine on this machine"

    @property
    def works(self) -> bool:
        """True if the engine can run containers, be it degraded."""
        return all(check.state != "missing" for check in self.checks)

    @property
    def command(self) -> str:
        """The one command that installs every package found wanting, or ''."""
        packages = [check.package for check in self.checks if check.package]
        return f"apt-get install {' '.join(packages)}" if packages else ""

    def as_json(self) -> str:
        """The report as one JSON object, for programs."""
        return json.dumps({"works": self.works, "command": self.command, **asdict(self)}, indent=2)

    def as_text(self) -> str:
        """The report as lines for people."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        width = max((len(check.name) for check in self.checks), default=0)
        yield self.subject
        for check in self.checks:
            yield f"  {_SIGNS[check.state]}  {check.name:<{width}}  {check.why}"
            if check.mend and not check.package:
                yield f"  {'':8}  {'':<{width}}  to mend it: {check.mend}"
        if self.places:
            yield ""
            yield f"Your location is {'running' if self.running else 'not running'}. Where things lie:"
            yield from (f"  {what:<21}  {path}" for what, path in self.places)
        yield ""
        yield self._verdict()
        if self.command:
            yield f"To install what is wanting, as root:  {self.command}"

    def _verdict(self) -> str:
        states = [check.state for check in self.checks]
        if not self.works:
            return f"Containers cannot run here yet: {states.count('missing')} missing."
        if "degraded" in states:
            return f"Containers can run here, with {states.count('degraded')} restrictions."
        return "Containers can run here."
