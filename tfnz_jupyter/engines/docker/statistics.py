"""How busy a host is, and what its containers use.

Where its processes are this machine's, ``/proc`` tells of the host. Docker itself tells only how large another one is; what is
free there is then counted from what our containers use, and the rest of its load is not seen.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import EngineFailed
from ..base import NodeInfo, NodeStats, Usage
from ..embedded import stats
from .containers import Container
from .hosts import BROKEN, Host


class Gauge:
    """Of one host, from one sample to the next."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._before = stats.read_sample(time.monotonic())
        self._used: tuple[float, int] = (0.0, 0)  # when, and processor time till then

    def node(self, containers: int, usage: Mapping[str, Usage]) -> NodeInfo:
        """The host as a node; ``usage`` is of its containers."""
        found = self._near(containers) if self._host.is_near else self._far(containers, usage)
        return NodeInfo(self._host.name, self._host.name, found)

    def _near(self, containers: int) -> NodeStats:
        after = stats.read_sample(time.monotonic())
        found = stats.node_stats(
            self._before, after, stats.read_meminfo(), self._host.cpus, containers
        )
        if after.total > self._before.total:
            self._before = after
        return found

    def _far(self, containers: int, usage: Mapping[str, Usage]) -> NodeStats:
        now, used = time.monotonic(), sum(one.cpu for one in usage.values())
        then, before = self._used
        self._used = now, used
        busy = max(0, used - before) / 1000 / max(0.001, now - then) if then else 0.0
        total = self._host.memory >> 20
        taken = sum(one.memory for one in usage.values()) >> 20
        cpu = self._host.cpus * 1000
        return NodeStats(
            max(0, cpu - round(busy)), cpu, max(0, total - taken), total, 0, containers
        )


async def used(containers: Sequence[Container]) -> dict[str, Usage]:
    """What containers use, by id; those that are just ending are left out."""
    found = await asyncio.gather(*map(_used_by, containers))
    return {name: used for name, used in found if used is not None}


async def _used_by(container: Container) -> tuple[str, Usage | None]:
    try:
        return container.spec.id, usage(await container.host.way.stats(container.id))
    except (EngineFailed, KeyError, *BROKEN):
        return container.spec.id, None


def usage(found: Mapping[str, Any]) -> Usage:
    """Out of what Docker says of a container."""
    memory = found.get("memory_stats") or {}
    details = memory.get("stats") or {}
    dropped = details.get("total_inactive_file", details.get("inactive_file", 0))
    return Usage(
        cpu=int(found["cpu_stats"]["cpu_usage"]["total_usage"]) // 1000,
        memory=max(0, int(memory.get("usage", 0)) - int(dropped)),
        processes=int((found.get("pids_stats") or {}).get("current", 0)),
    )
