"""What a view is made from: the facts about an object at one moment, as plain data that also travels to the page."""

from __future__ import annotations

from msgspec import Struct


class TunnelSnapshot(Struct, frozen=True):
    port: int
    local: int
    bind: str
    dead: bool = False


class ProgressSnapshot(Struct, frozen=True):
    step: str
    text: str
    done: int
    total: int | None


class ContainerSnapshot(Struct, frozen=True):
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


class NodeSnapshot(Struct, frozen=True):
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


class RowSnapshot(Struct, frozen=True):
    """A volume, a published name, a container of another session; ``href`` is an address on the kernel's machine."""

    id: str
    name: str
    words: str
    href: str = ""


class LocationSnapshot(Struct, frozen=True):
    name: str
    session: str
    dead: bool
    reason: str
    log_path: str


class LogSnapshot(Struct, frozen=True):
    """The lines a static view shows, from number ``first`` on: (1 output or 2 error, text), or (0, how many are missing)."""

    first: int
    lines: tuple[tuple[int, bytes], ...]
    total: int
