"""Who descends from a process, where no cgroup tells: its children's children, and whoever is in its session.

Weaker than a cgroup: who left the session, and lost its parent, is not found. Therefore all are stopped before the first is
killed: while a parent lives, its children are its.
"""

from __future__ import annotations

import contextlib
import os
import signal


def session(pid: int) -> int:
    """The session of a process that has just been started: crun makes one for it. Its own pid where it is over already."""
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return pid


def find(pid: int, session: int) -> list[int]:
    """The living offspring of a process, itself included, zombies not; ``session`` is the one it was started in."""
    table = {
        found: facts
        for name in os.listdir("/proc")
        if name.isdigit()
        for found, facts in _read(int(name))
    }
    family = {
        found for found, (_parent, its) in table.items() if found == pid or its in (pid, session)
    }
    while more := {found for found, (parent, _its) in table.items() if parent in family} - family:
        family |= more
    return sorted(family)


def hold(pid: int, session: int) -> list[int]:
    """Stop a process and all its offspring, as :func:`find` finds them, so that none of them begets another; who they are."""
    held: set[int] = set()
    while more := set(find(pid, session)) - held:
        for one in more:
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, signal.SIGSTOP)
        held |= more
    return sorted(held)


def _read(pid: int) -> list[tuple[int, tuple[int, int]]]:
    """Parent and session, or nothing."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            state, parent, _group, session = file.read().rpartition(b")")[2].split()[:4]
    except OSError:
        return []
    return [] if state in (b"Z", b"X") else [(pid, (int(parent), int(session)))]
