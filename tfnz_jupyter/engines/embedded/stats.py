"""This machine as a node: its name, and once a second how busy it is. Parsing is pure."""

from __future__ import annotations

import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path

from ..base import NodeStats

_PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024


@dataclass(frozen=True, slots=True)
class Sample:
    """Counters since boot, of which the difference of two is the news."""

    idle: int  # clock ticks, all processors together; waiting for disks is idle
    total: int
    swapped: int  # pages, both ways
    when: float  # seconds


def node_name() -> str:
    """The host name as a valid DNS label."""
    name = re.sub(r"[^a-z0-9-]+", "-", socket.gethostname().split(".")[0].lower())
    return name.strip("-")[:63].strip("-") or "node"


def sample(stat: str, vmstat: str, now: float) -> Sample:
    """From /proc/stat and /proc/vmstat."""
    ticks = [int(field) for field in stat.split("\n", 1)[0].split()[1:9]]
    pages = dict(line.split() for line in vmstat.splitlines())
    swapped = int(pages.get("pswpin", 0)) + int(pages.get("pswpout", 0))
    return Sample(ticks[3] + ticks[4], sum(ticks), swapped, now)


def node_stats(
    before: Sample, after: Sample, meminfo: str, cpus: int, containers: int
) -> NodeStats:
    """What happened between two samples, and the memory there is now."""
    passed = max(1, after.total - before.total)
    idle = min(1.0, max(0.0, (after.idle - before.idle) / passed))
    seconds = max(0.001, after.when - before.when)
    memory = {line.split(":")[0]: int(line.split()[1]) for line in meminfo.splitlines()}
    return NodeStats(
        cpu=round(idle * cpus * 1000),
        cpu_total=cpus * 1000,
        memory=memory["MemAvailable"] // 1024,
        memory_total=memory["MemTotal"] // 1024,
        paging=round((after.swapped - before.swapped) * _PAGE_KIB / seconds),
        containers=containers,
    )


def read_sample(now: float) -> Sample:
    return sample(Path("/proc/stat").read_text(), Path("/proc/vmstat").read_text(), now)


def read_meminfo() -> str:
    return Path("/proc/meminfo").read_text()


def total_memory() -> int:
    """Bytes of memory this machine has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
