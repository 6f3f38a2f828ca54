"""What an image's configuration says about running it, whoever tells it: a registry, an archive, a Docker host."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from typing import Any, TypedDict


class Facts(TypedDict):
    """Of :class:`~tfnz_jupyter.engines.base.ImageInfo`, those that a configuration tells."""

    entrypoint: tuple[str, ...]
    cmd: tuple[str, ...]
    env: tuple[tuple[str, str], ...]
    working_dir: str
    user: str
    ports: tuple[int, ...]
    stop_signal: str


def facts(run: Mapping[str, Any]) -> Facts:
    """Out of the ``config`` of an OCI or Docker configuration."""
    return Facts(
        entrypoint=_words(run.get("Entrypoint")),
        cmd=_words(run.get("Cmd")),
        env=tuple((k, v) for k, _, v in (e.partition("=") for e in run.get("Env") or ())),
        working_dir=run.get("WorkingDir") or "/",
        user=run.get("User") or "",
        ports=_ports(run.get("ExposedPorts") or {}),
        stop_signal=_signal(run.get("StopSignal")),
    )


def _words(value: object) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, list) else ()


def _ports(exposed: Mapping[str, Any]) -> tuple[int, ...]:
    """TCP ports, in order; ``80-82/tcp`` is three."""
    found: set[int] = set()
    for text in exposed:
        span, _, protocol = text.partition("/")
        first, _, last = span.partition("-")
        if protocol in ("", "tcp") and first.isdecimal() and (last or first).isdecimal():
            found.update(range(int(first), min(int(last or first), 65535) + 1))
    return tuple(sorted(p for p in found if 0 < p < 65536))


def _signal(name: object) -> str:
    """``SIGQUIT`` for ``SIGQUIT``, ``QUIT`` and ``3`` alike."""
    text = str(name or "SIGTERM").upper()
    if text.isdecimal():
        known = {int(s): s.name for s in signal.Signals}
        return known.get(int(text), text)
    return text if text.startswith("SIG") else f"SIG{text}"
