"""What a line can mean: one frozen class for each verb, its values read and checked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Port:
    """A port of a container, and the local one it should have; None: any free one."""

    dest: int
    local: int | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """What to wait for: ``kind`` is ready, tcp, http or log."""

    kind: str
    port: int = 0
    path: str = ""
    pattern: str = ""


@dataclass(frozen=True, slots=True)
class Dashboard:
    """Nothing but ``%tf``: where we are and what there is."""


@dataclass(frozen=True, slots=True)
class Connect:
    location: str | None = None


@dataclass(frozen=True, slots=True)
class Disconnect:
    pass


@dataclass(frozen=True, slots=True)
class Locations:
    pass


@dataclass(frozen=True, slots=True)
class Doctor:
    pass


@dataclass(frozen=True, slots=True)
class Nodes:
    pass


@dataclass(frozen=True, slots=True)
class Spawn:
    """``env`` values of None are to be taken from the caller's environment, as in docker run."""

    image: str
    command: tuple[str, ...] = ()
    name: str | None = None
    env: tuple[tuple[str, str | None], ...] = ()
    ports: tuple[Port, ...] = ()
    memory: int | None = None
    cpus: float | None = None
    workdir: str | None = None
    files: tuple[tuple[str, str], ...] = ()
    node: str | None = None
    wait: Wait | None = None
    rm: bool = True


@dataclass(frozen=True, slots=True)
class Ps:
    pass


@dataclass(frozen=True, slots=True)
class Logs:
    name: str
    follow: bool = False
    tail: int | None = None


@dataclass(frozen=True, slots=True)
class Exec:
    name: str
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MakeTunnel:
    name: str
    port: int
    local: int | None = None


@dataclass(frozen=True, slots=True)
class Remove:
    """``called`` is the word that was used: rm or its alias stop."""

    names: tuple[str, ...]
    called: str = "rm"


@dataclass(frozen=True, slots=True)
class Help:
    verb: str | None = None


Command = (
    Dashboard
    | Connect
    | Disconnect
    | Locations
    | Doctor
    | Nodes
    | Spawn
    | Ps
    | Logs
    | Exec
    | MakeTunnel
    | Remove
    | Help
)
