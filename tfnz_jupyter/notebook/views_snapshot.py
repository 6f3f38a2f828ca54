"""What a view is made from: the facts about an object at one moment, as plain data that also travels to the page."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TunnelSnapshot:
    port: int
    local: int
    bind: str
    dead: bool = False


@dataclass(frozen=True, slots=True)
class ProgressSnapshot:
    step: str
    text: str
    done: int
    total: int | None


@dataclass(frozen=True, slots=True)
class ContainerSnapshot:
    """``env`` and ``command`` are masked already. Times are seconds since 1970."""

    id: str
    name: str
    image: str
    source: str
    node: str
    state: str  # preparing, booting, running, ended, failed
    progress: ProgressSnapshot | None = None
    ip: str = ""
    started: float | None = None
    ended: float | None = None
    returncode: int | None = None
    reason: str = ""
    tunnels: tuple[TunnelSnapshot, ...] = ()
    ssh: tuple[str, ...] = ()  # the lines that log in
    env: tuple[tuple[str, str], ...] = ()
    command: str = ""
    limits: str = ""

    @property
    def over(self) -> bool:
        return self.state in ("ended", "failed")


@dataclass(frozen=True, slots=True)
class NodeSnapshot:
    """``cpu`` and ``cpu_total`` in thousandths of a core, memory in MiB, ``paging`` in KiB/s; free, not used."""

    id: str
    name: str
    cpu: int
    cpu_total: int
    memory: int
    memory_total: int
    paging: int
    containers: int
    score: int


@dataclass(frozen=True, slots=True)
class RowSnapshot:
    """A volume, a published name, a container of another session; ``href`` is an address on the kernel's machine."""

    id: str
    name: str
    words: str
    href: str = ""


@dataclass(frozen=True, slots=True)
class LocationSnapshot:
    name: str
    session: str
    dead: bool
    reason: str
    log_path: str


@dataclass(frozen=True, slots=True)
class LogSnapshot:
    """The lines a static view shows, from number ``first`` on: (1 output or 2 error, text), or (0, how many are missing)."""

    first: int
    lines: tuple[tuple[int, bytes], ...]
    total: int
