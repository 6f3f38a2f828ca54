"""Telling a program that had a session from a later one that was given its pid."""

from __future__ import annotations

from pathlib import Path


def born(pid: int) -> str:
    """When a process began, in words that no other process of this machine has; empty where there is none."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        facts = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return f"{boot} {facts.rpartition(')')[2].split()[19]}"
