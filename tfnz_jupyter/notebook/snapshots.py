"""From the objects of the SDK to plain facts. Nothing here waits, or asks the location anything."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ..errors import Ended
from .views_masks import masked, masked_text
from .views_output import clean
from .views_snapshot import (
    ContainerSnapshot,
    LocationSnapshot,
    LogSnapshot,
    NodeSnapshot,
    ProgressSnapshot,
    TunnelSnapshot,
)

if TYPE_CHECKING:
    from ..sdk.container import Container
    from ..sdk.lines import LineRing
    from ..sdk.location import Location
    from ..sdk.node import Node
    from ..sdk.tunnel import Tunnel


def of_container(container: Container) -> ContainerSnapshot:
    progress = container.progress
    return ContainerSnapshot(
        id=container.uuid,
        name=clean(container.name),
        image=clean(container.image),
        source=container.image_source,
        node=container.node().name,
        state=container.state,
        progress=ProgressSnapshot(
            progress.step, clean(progress.text), progress.done, progress.total
        )
        if progress
        else None,
        ip=container.ip or "",
        started=container.started_at,
        ended=container.ended_at,
        returncode=container.returncode,
        reason=clean(container.reason),
        tunnels=tuple(filter(None, map(of_tunnel, container.tunnels))),
        ssh=tuple(clean(server.command) for server in container.ssh_servers),
        env=tuple((name, clean(masked(name, value))) for name, value in container.env),
        command=words_of(container.command),
        limits=_limits(container.limits),
    )


def words_of(command: str | Iterable[str | bytes] | None) -> str:
    """A command as one line, secrets masked."""
    if isinstance(command, str):
        return clean(masked_text(command))
    words = [
        word.decode("utf-8", "replace") if isinstance(word, bytes) else word
        for word in command or ()
    ]
    return clean(masked_text(shlex.join(words)))


def _limits(limits: Mapping[str, float | None]) -> str:
    parts = []
    if memory := limits.get("memory"):
        parts.append(f"{memory / (1 << 20):.0f} MiB")
    if cpus := limits.get("cpus"):
        parts.append(f"{cpus:g} cpus")
    if pids := limits.get("pids"):
        parts.append(f"{pids} processes")
    if disk := limits.get("disk"):
        parts.append(f"{disk / (1 << 20):.0f} MiB of disk")
    return ", ".join(parts)


def of_tunnel(tunnel: Tunnel) -> TunnelSnapshot | None:
    """None once it is closed."""
    try:
        return TunnelSnapshot(tunnel.port, tunnel.localport(), tunnel.bind or "127.0.0.1")
    except Ended:
        return None


def of_node(node: Node) -> NodeSnapshot:
    stats = node.stats
    return NodeSnapshot(
        node.uuid,
        node.name,
        stats.cpu,
        stats.cpu_total,
        stats.memory,
        stats.memory_total,
        stats.paging,
        stats.containers,
        stats.score,
    )


def of_location(location: Location) -> LocationSnapshot:
    return LocationSnapshot(
        location.location, location.uuid, location.dead, location.reason or "", location.log_path
    )


def of_log(ring: LineRing, tail: int) -> LogSnapshot:
    """The last ``tail`` lines, as far as they are held; what is missing between them is an entry of mark 0."""
    total = ring.total
    first = at = max(ring.first, total - tail)
    lines: list[tuple[int, bytes]] = []
    while at < total:
        found, more = ring.read(at, tail)
        if found > at and lines:
            lines.append((0, b"%d" % (found - at)))
        elif found > at:
            first = found
        lines += more
        at = found + len(more)
    return LogSnapshot(first, tuple(lines), total)
