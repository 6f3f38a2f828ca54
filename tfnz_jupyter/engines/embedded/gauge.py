"""What containers use: read from their cgroups, and counted from their processes where those do not say.

Used by the keeper alone, which sees every process of every container. A version 1 machine often has no cgroup that counts
processor time (``cpuacct`` is not always with ``cpu``), a rootless one has none at all.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass

from .cell import Cell
from .cgroups import Cgroups

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
    live = {cell.id: cell for cell in cells if cell.first is not None}
    running = {name: cell.first.pid for name, cell in live.items() if cell.first is not None}
    told = {name: cgroups.usage(name) for name in running}
    counted = _counted(running) if any(None in use for use in told.values()) else {}
    found = {}
    for name, (cpu, memory, processes) in told.items():
        seen = counted.get(name, Use())
        found[name] = Use(
            seen.cpu if cpu is None else cpu,
            seen.memory if memory is None else memory,
            seen.processes if processes is None else processes - live[name].waiting_launchers,
        )
    return found


def from_stat(stat: str) -> Use:
    """Of one process, by its /proc/PID/stat: its time and that of its children which are over, and its resident memory."""
    fields = stat.rpartition(")")[
        2
    ].split()  # its name may hold anything; the state is the first behind it
    ticks = sum(int(field) for field in fields[11:15])
    return Use(ticks * _TICK, int(fields[21]) * _PAGE, 1)


def _counted(running: dict[str, int]) -> dict[str, Use]:
    """By all processes there are, each in the pid namespace of its container's first."""
    names = {space: name for name, pid in running.items() if (space := _namespace(pid))}
    found = {name: Use() for name in running}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        name = names.get(_namespace(pid))
        if name is not None:
            with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as stat:
                one, all_of_it = from_stat(stat.read()), found[name]
                all_of_it.cpu += one.cpu
                all_of_it.memory += one.memory
                all_of_it.processes += 1
    return found


def _namespace(pid: int | str) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return ""  # it has just ended
