"""Which session opened which container to which: pure. An opening is there for as long as a session that asked for it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Opening:
    """``client`` may open connections to ``server``; both are ids of containers."""

    server: str
    client: str


class Openings:
    """All openings of a location."""

    def __init__(self) -> None:
        self._askers: dict[Opening, set[str]] = {}

    def ask(self, session: str, opening: Opening) -> bool:
        """A session wants it; whether it is new to the location."""
        new = opening not in self._askers
        self._askers.setdefault(opening, set()).add(session)
        return new

    def undo(self, opening: Opening) -> None:
        """It is closed, for whoever asked for it. Idempotent."""
        self._askers.pop(opening, None)

    def leave(self, session: str) -> list[Opening]:
        """A session is over: what nobody asks for any more."""
        for askers in self._askers.values():
            askers.discard(session)
        left = [opening for opening, askers in self._askers.items() if not askers]
        for opening in left:
            del self._askers[opening]
        return left

    def end(self, container: str) -> None:
        """A container is over, and with it every opening from and to it."""
        for opening in [o for o in self._askers if container in (o.server, o.client)]:
            del self._askers[opening]
