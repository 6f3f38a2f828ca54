"""Who owns what, and when it is over. Pure: an event and the time go in, effects come out.

A session owns the containers it spawned; when it leaves, for whatever reason, they are collected. A location with an
``idle`` limit ends itself when nobody has been there for that long.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import NotFound, UsageError


@dataclass(frozen=True, slots=True)
class Joined:
    """A session began."""

    session: str


@dataclass(frozen=True, slots=True)
class Left:
    """A session is over: goodbye, death of its process, or silence."""

    session: str


@dataclass(frozen=True, slots=True)
class Spawned:
    """A session asked for a container."""

    session: str
    container: str
    name: str


@dataclass(frozen=True, slots=True)
class Finished:
    """A container runs no longer. Its session still sees it, and its name is free again."""

    container: str


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed."""


@dataclass(frozen=True, slots=True)
class Collect:
    """Destroy these, and forget them."""

    containers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Close:
    """End the location: nobody needs it."""


Event = Joined | Left | Spawned | Finished | Tick
Effect = Collect | Close


@dataclass(slots=True)
class _Held:
    session: str
    name: str
    live: bool = True


class Ledger:
    """The state of one location.

    Args:
        idle: seconds without a session after which the location closes; None for never.
        now: the time it opened.
    """

    def __init__(self, *, idle: float | None, now: float) -> None:
        self._idle = idle
        self._empty_since: float | None = now
        self._sessions: set[str] = set()
        self._containers: dict[str, _Held] = {}

    @property
    def sessions(self) -> frozenset[str]:
        """Those that are here."""
        return frozenset(self._sessions)

    def handle(self, event: Event, now: float) -> list[Effect]:
        """Take one event in; what is to be done about it.

        Raises:
            UsageError: a container id or a name is taken.
            NotFound: the session is not here.
        """
        match event:
            case Joined(session):
                self._sessions.add(session)
                self._empty_since = None
            case Left(session):
                return self._leave(session, now)
            case Spawned():
                self._spawn(event)
            case Finished(container):
                if held := self._containers.get(container):
                    held.live = False
            case Tick():
                return [Close()] if self._is_idle(now) else []
        return []

    def _spawn(self, event: Spawned) -> None:
        if event.session not in self._sessions:
            raise NotFound(f"no session {event.session}")
        if event.container in self._containers:
            raise UsageError(f"container id {event.container} is taken")
        for held in self._containers.values():
            if held.live and (held.session, held.name) == (event.session, event.name):
                raise UsageError(
                    f"a live container of this session is already called {event.name!r}",
                    hint="Destroy it first, or choose another name.",
                )
        self._containers[event.container] = _Held(event.session, event.name)

    def _leave(self, session: str, now: float) -> list[Effect]:
        if session not in self._sessions:
            return []
        self._sessions.remove(session)
        if not self._sessions:
            self._empty_since = now
        owned = tuple(key for key, held in self._containers.items() if held.session == session)
        for key in owned:
            del self._containers[key]
        return [Collect(owned)] if owned else []

    def _is_idle(self, now: float) -> bool:
        if self._idle is None or self._empty_since is None:
            return False
        return now - self._empty_since >= self._idle
