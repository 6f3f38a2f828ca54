"""Memory of an idle location with all its processes, and of each running container, beside dockerd with its containerd.

Proportional set sizes: what processes share is counted once.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from tests.benchmarks._docker import dockerd
from tests.benchmarks._measuring import OURS, Row, Target, alone, location_pid
from tests.support.eventually import eventually
from tfnz_jupyter import Location
from tfnz_jupyter.engines.embedded.cgroups import tag
from tfnz_jupyter.folders import state_folder

MANY = 20
PEER = "Docker"
_MIB = 1 << 20


def main() -> None:
    alone(measure)


def measure() -> Iterable[Row]:
    docker = dockerd()
    peer = memory(docker.process.pid)
    with Location() as location:
        node = location.node()
        node.spawn_container("busybox", command=["true"]).wait_exit()
        eventually(lambda: settled(), within=20)
        idle = memory(*located())
        made = [node.spawn_container("busybox", command=["sleep", "1000"]) for _ in range(MANY)]
        for container in made:
            container.wait_until_ready()
        eventually(lambda: settled(), within=20)
        each = (memory(*located()) - idle) / MANY
    names = [docker.start(["sleep", "1000"]) for _ in range(MANY)]
    peer_each = (memory(docker.process.pid) - peer) / MANY
    for name in names:
        docker.remove(name)
    yield Row("idle location", "MiB", {OURS: [idle], PEER: [peer]}, (Target(60),))
    yield Row("a running container", "MiB", {OURS: [each], PEER: [peer_each]}, (Target(2),))


def settled() -> bool:
    """Whether its processes are the same for a while."""
    import time

    before = family(*located())
    time.sleep(0.5)
    return before == family(*located())


def located() -> list[int]:
    """The location, and the keeper, which is nobody's child."""
    state = str(state_folder() / "engine")
    found = [int(name) for name in os.listdir("/proc") if name.isdigit() and state in command(name)]
    pid = location_pid()
    assert pid is not None
    assert tag(Path(state))
    return [pid, *found]


def command(pid: str) -> str:
    try:
        return Path("/proc", pid, "cmdline").read_text()
    except OSError:
        return ""


def family(*roots: int) -> set[int]:
    """Some processes and all they have started."""
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            parents[int(name)] = int(
                Path("/proc", name, "stat").read_text().rpartition(")")[2].split()[1]
            )
        except OSError:
            continue
    found = set(roots)
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def memory(*roots: int) -> float:
    """MiB that a family has."""
    total = 0
    for pid in family(*roots):
        try:
            rolled = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        if match := re.search(r"^Pss:\s+(\d+) kB", rolled, re.MULTILINE):
            total += int(match[1]) * 1024
    return total / _MIB


if __name__ == "__main__":
    main()
