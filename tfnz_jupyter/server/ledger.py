"""Who owns what, under which name, who else sees it, and when it is over. Pure: an event and the time go in, effects come out.

A session owns the containers it spawned; when it leaves, for whatever reason, they are collected. Volumes are kept for
their user and no session's end touches them. Ids and tags of one user's live things share one space, in which nothing is
twice. What is tagged is offered to that user's other sessions; another user never learns of it. A location with an
``idle`` limit ends itself when nobody has been there for that long.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import NotFound, Refused, UsageError
from ..wire import tags

_MEMORY = "bytes of memory"

# -- events ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Joined:
    """A session of a user began."""

    session: str
    user: str


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
    tag: str | None = None
    memory: int = 0  # bytes it may use


@dataclass(frozen=True, slots=True)
class Finished:
    """A container runs no longer. Its session still sees it; its name and tag are free again."""

    container: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A user has a volume."""

    user: str
    volume: str
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class Dropped:
    """A volume was destroyed."""

    volume: str


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed."""


# -- effects ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Collect:
    """Destroy these, and forget them."""

    containers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Close:
    """End the location: nobody needs it."""


Event = Joined | Left | Spawned | Finished | Kept | Dropped | Tick
Effect = Collect | Close


@dataclass(frozen=True, slots=True)
class Limits:
    """What one user may have at a time; None for as much as there is."""

    sessions: int | None = None
    containers: int | None = None
    memory: int | None = None  # bytes, over all live containers


@dataclass(slots=True)
class _Held:
    user: str
    session: str
    name: str
    tag: str | None
    memory: int
    live: bool = True


class Ledger:
    """The state of one location.

    Args:
        idle: seconds without a session after which the location closes; None for never.
        now: the time it opened.
        limits: of every user who is not allowed something else.
    """

    def __init__(self, *, idle: float | None, now: float, limits: Limits | None = None) -> None:
        self._idle = idle
        self._empty_since: float | None = now
        self._limits = limits or Limits()
        self._allowed: dict[str, Limits] = {}
        self._sessions: dict[str, str] = {}  # -> user
        self._containers: dict[str, _Held] = {}
        self._volumes: dict[str, Kept] = {}
        self._names: dict[tuple[str, str], str] = {}  # a user's id or tag -> id of a live thing

    @property
    def sessions(self) -> frozenset[str]:
        """Those that are here."""
        return frozenset(self._sessions)

    def allow(self, user: str, limits: Limits) -> None:
        """Let a user have other limits than everybody; what is None stays as everybody's."""
        common = self._limits
        self._allowed[user] = Limits(
            common.sessions if limits.sessions is None else limits.sessions,
            common.containers if limits.containers is None else limits.containers,
            common.memory if limits.memory is None else limits.memory,
        )

    def limits(self, user: str) -> Limits:
        """What a user may have at a time."""
        return self._allowed.get(user, self._limits)

    def live(self, user: str) -> int:
        """How many live containers a user has."""
        return sum(held.live and held.user == user for held in self._containers.values())

    def of_user(self, user: str) -> frozenset[str]:
        """A user's sessions."""
        return frozenset(key for key, whose in self._sessions.items() if whose == user)

    def offered(self, session: str) -> tuple[str, ...]:
        """Live tagged containers of the user's other sessions."""
        user = self._sessions.get(session)
        return tuple(
            key
            for key, held in self._containers.items()
            if held.live and held.tag and held.user == user and held.session != session
        )

    def may_reach(self, session: str, container: str) -> bool:
        """Whether a session may reach for a container: its own, or a tagged one of its user's."""
        held = self._containers.get(container)
        if held is None or self._sessions.get(session) != held.user:
            return False
        return held.session == session or held.tag is not None

    def handle(self, event: Event, now: float) -> list[Effect]:
        """Take one event in; what is to be done about it.

        Raises:
            UsageError: an id, name or tag is taken, or is none.
            NotFound: the session is not here.
            Refused: the user has all that one may have.
        """
        match event:
            case Joined():
                self._join(event)
            case Left(session):
                return self._leave(session, now)
            case Spawned():
                self._spawn(event)
            case Finished(container):
                self._finish(container)
            case Kept():
                self._keep(event)
            case Dropped(volume):
                self._drop(volume)
            case Tick():
                return [Close()] if self._is_idle(now) else []
        return []

    # -- sessions ----------------------------------------------------------------------------------------------------------

    def _join(self, event: Joined) -> None:
        if event.session in self._sessions:
            raise UsageError(f"session {event.session} is here already")
        _require_below(
            self.limits(event.user).sessions, len(self.of_user(event.user)) + 1, "sessions"
        )
        self._sessions[event.session] = event.user
        self._empty_since = None

    def _leave(self, session: str, now: float) -> list[Effect]:
        if self._sessions.pop(session, None) is None:
            return []
        if not self._sessions:
            self._empty_since = now
        owned = tuple(key for key, held in self._containers.items() if held.session == session)
        for key in owned:
            self._finish(key)
            del self._containers[key]
        return [Collect(owned)] if owned else []

    # -- containers --------------------------------------------------------------------------------------------------------

    def _spawn(self, event: Spawned) -> None:
        user = self._sessions.get(event.session)
        if user is None:
            raise NotFound(f"no session {event.session}")
        if event.container in self._containers:
            raise UsageError(f"container id {event.container} is taken")
        self._require_free_name(event)
        self._require_within_limits(user, event)
        self._claim(user, event.container, event.tag)
        self._containers[event.container] = _Held(
            user, event.session, event.name, tags.valid(event.tag), event.memory
        )

    def _require_free_name(self, event: Spawned) -> None:
        for held in self._containers.values():
            if held.live and (held.session, held.name) == (event.session, event.name):
                raise UsageError(
                    f"a live container of this session is already called {event.name!r}",
                    hint="Destroy it first, or choose another name.",
                )

    def _require_within_limits(self, user: str, event: Spawned) -> None:
        live = [held for held in self._containers.values() if held.live and held.user == user]
        limits = self.limits(user)
        _require_below(limits.containers, len(live) + 1, "containers")
        memory = sum(held.memory for held in live) + event.memory
        _require_below(limits.memory, memory, _MEMORY)

    def _finish(self, container: str) -> None:
        held = self._containers.get(container)
        if held is not None and held.live:
            held.live = False
            self._release(held.user, container, held.tag)

    # -- volumes -----------------------------------------------------------------------------------------------------------

    def _keep(self, event: Kept) -> None:
        if event.volume in self._volumes:
            raise UsageError(f"volume id {event.volume} is taken")
        self._claim(event.user, event.volume, event.tag)
        self._volumes[event.volume] = event

    def _drop(self, volume: str) -> None:
        kept = self._volumes.pop(volume, None)
        if kept is not None:
            self._release(kept.user, volume, tags.valid(kept.tag))

    # -- names -------------------------------------------------------------------------------------------------------------

    def _claim(self, user: str, key: str, tag: str | None) -> None:
        """Take an id and a tag, both or neither."""
        names = [key] if tag is None else [key, str(tags.valid(tag))]
        for name in names:
            if (user, name) in self._names:
                raise UsageError(
                    f"you have something called {name!r} already",
                    hint="Choose another tag, or end what has it.",
                )
        self._names |= {(user, name): key for name in names}

    def _release(self, user: str, key: str, tag: str | None) -> None:
        for name in (key, tag):
            if name is not None and self._names.get((user, name)) == key:
                del self._names[user, name]

    def _is_idle(self, now: float) -> bool:
        if self._idle is None or self._empty_since is None:
            return False
        return now - self._empty_since >= self._idle


def _require_below(limit: int | None, wanted: int, what: str) -> None:
    if limit is not None and wanted > limit:
        smaller = ", spawn with a smaller memory=," * (what == _MEMORY)
        raise Refused(
            f"you may have {limit:,} {what} at a time, and this would be {wanted:,}",
            hint=f"End some first{smaller} or ask the location's operator for more.",
        )
