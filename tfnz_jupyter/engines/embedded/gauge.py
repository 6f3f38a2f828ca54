"""What containers use: read from their cgroups, and counted from their processes where those do not say.

Used by the keeper alone, which sees every process of every container. A version 1 machine often has no cgroup that counts
processor time (``cpuacct`` is not always with ``cpu``), a rootless one has none at all.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from .cell import Cell
from .cgroups import Cgroups, read

_TICK = 1_000_000 // os.sysconf("SC_CLK_TCK")  # microseconds
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(slots=True)
class Use:
    """Of one container: microseconds of processor time since it began, bytes, processes."""

    cpu: int = 0
    memory: int = 0
    processes: int = 0


def measure(cells: Iterable[Cell], cgroups: Cgroups) -> dict[str, Use]:
    """What each running container uses at the moment, by id."""
    live = {cell.id: cell for cell in cells}
    running = {name: cell.first.pid for name, cell in live.items() if cell.first is not None}
    told = {name: _told(live[name], cgroups) for name in running}
    untold = {name: running[name] for name, use in told.items() if None in use}
    counted = _counted({name: pid for name, pid in untold.items() if told[name][2] != 1})
    found = {}
    for name, (cpu, memory, processes) in told.items():
        seen = counted.get(name) or (_process(running[name]) if name in untold else Use())
        found[name] = Use(
            seen.cpu if cpu is None else cpu,
            seen.memory if memory is None else memory,
            seen.processes if processes is None else processes,
        )
    return found


def _told(cell: Cell, cgroups: Cgroups) -> tuple[int | None, int | None, int | None]:
    """As its groups say it; launchers that wait in there are not its own."""
    cpu, memory, processes = cgroups.usage(cell.id)
    return cpu, memory, None if processes is None else processes - cell.waiting_launchers


def from_stat(stat: str) -> Use:
    """Of one process, by its /proc/PID/stat: its time and that of its children which are over, and its resident memory."""
    fields = stat.rpartition(")")[
        2
    ].split()  # its name may hold anything; the state is the first behind it
    ticks = sum(int(field) for field in fields[11:15])
    return Use(ticks * _TICK, int(fields[21]) * _PAGE, 1)


def _counted(running: dict[str, int]) -> dict[str, Use]:
    """By all processes there are, each in the pid namespace of its container's first."""
    found = {name: Use() for name in running}
    names = {space: name for name, pid in running.items() if (space := _namespace(pid))}
    for pid in filter(str.isdigit, os.listdir("/proc") if names else ()):
        name = names.get(_namespace(pid))
        if name is not None:
            one, all_of_it = _process(pid), found[name]
            all_of_it.cpu += one.cpu
            all_of_it.memory += one.memory
            all_of_it.processes += one.processes
    return found


def _process(pid: int | str) -> Use:
    """Of one process, which may just have ended. A container that has no other, as most, is measured by this alone."""
    try:
        return from_stat(read(f"/proc/{pid}/stat").decode(errors="replace"))
    except OSError:
        return Use()


def _namespace(pid: int | str) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return ""  # it has just ended
