"""Which session opened which container to which: pure. An opening is there for as long as a session that asked for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Opening:
    """``client`` may open connections to ``server``; both are ids of containers."""

    server: str
    client: str


class Memory(Protocol):
    """What a later location will know them by."""

    def opened(self, session: str, opening: Opening) -> None: ...

    def closed(self, opening: Opening) -> None: ...


class Openings:
    """All openings of a location."""

    def __init__(self, memory: Memory | None = None) -> None:
        self._memory = memory
        self._askers: dict[Opening, set[str]] = {}

    def ask(self, session: str, opening: Opening) -> bool:
        """A session wants it; whether it is new to the location."""
        new = opening not in self._askers
        self._askers.setdefault(opening, set()).add(session)
        if self._memory is not None:
            self._memory.opened(session, opening)
        return new

    def recall(self, session: str, opening: Opening) -> None:
        """A session of a location before this one wanted it, and it is there."""
        self._askers.setdefault(opening, set()).add(session)

    def undo(self, opening: Opening) -> None:
        """It is closed, for whoever asked for it. Idempotent."""
        self._askers.pop(opening, None)
        if self._memory is not None:
            self._memory.closed(opening)

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
