"""How much memory processes have taken since a moment."""

from __future__ import annotations

import re
from pathlib import Path


class Growth:
    """Of some processes, by name, since it was made: the most that was seen at a look."""

    def __init__(self, processes: dict[str, int]) -> None:
        self._processes = processes
        self._start = {name: resident(pid) for name, pid in processes.items()}
        self.most = dict.fromkeys(processes, 0)

    def look(self) -> None:
        """Measure them now."""
        for name, pid in self._processes.items():
            self.most[name] = max(self.most[name], resident(pid) - self._start[name])

    def __str__(self) -> str:
        return ", ".join(f"{name} {grown / 2**20:.0f} MiB" for name, grown in self.most.items())


def resident(pid: int) -> int:
    """Bytes of memory a process has."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024
