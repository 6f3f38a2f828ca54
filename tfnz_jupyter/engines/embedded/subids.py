"""The range of host ids that containers' users are mapped to: reserved once for the system user ``tfnz``.

Nobody else may hold any of it, in /etc/subuid, /etc/subgid or as an account: an overlap would let one user's containers
write another's files. Parsing and choosing are pure; :func:`ensure` does the deed with the machine's own tools, which lock
the files they change.
"""

from __future__ import annotations

import fcntl
import grp
import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ...errors import EngineFailed, NotSupported
from . import userns
from .bundle import IDS

USER = "tfnz"
_FIRST = 0x2000_0000  # far from where useradd (100000) and most directories start, below useradd's 600100000
_LAST = 0x23C0_0000
FILES = (Path("/etc/subuid"), Path("/etc/subgid"))
_LOCK = Path("/run/tfnz-subids.lock")


@dataclass(frozen=True, slots=True)
class Range:
    """One line of /etc/subuid."""

    owner: str
    first: int
    count: int

    @property
    def end(self) -> int:
        return self.first + self.count

    def overlaps(self, other: Range) -> bool:
        return self.first < other.end and other.first < self.end


def parse(text: str) -> list[Range]:
    """The ranges of a subuid file; lines that are none are left out, as the kernel's tools do."""
    found = []
    for line in text.splitlines():
        fields = line.split("#")[0].strip().split(":")
        if len(fields) == 3 and fields[1].isdigit() and fields[2].isdigit():
            found.append(Range(fields[0], int(fields[1]), int(fields[2])))
    return found


def owned(ranges: list[Range], names: tuple[str, ...]) -> Range | None:
    """The first range large enough that belongs to one of ``names`` (a login name or its number)."""
    return next((r for r in ranges if r.owner in names and r.count >= IDS), None)


def free(taken: list[Range]) -> Range:
    """The lowest range of ours that meets none of ``taken``.

    Raises:
        EngineFailed: there is none.
    """
    for first in range(_FIRST, _LAST, IDS):
        candidate = Range(USER, first, IDS)
        if not any(candidate.overlaps(other) for other in taken):
            return candidate
    raise EngineFailed("no 65,536 free subordinate ids in /etc/subuid and /etc/subgid")


def clash(ours: Range, others: list[Range], names: tuple[str, ...]) -> Range | None:
    """The first range of somebody else that overlaps ours."""
    return next((r for r in others if r.owner not in names and r.overlaps(ours)), None)


def ensure() -> int:
    """The first host id of the containers' range, reserving it (and making the user) where that was never done.

    Raises:
        EngineFailed: somebody else holds a part of the range, or the tools that reserve it failed.
    """
    if not userns.whole():
        return _in_namespace()
    with open(_LOCK, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        names = _user()
        uids, gids = (owned(read(path), names) for path in FILES)
        if uids is None or gids is None:
            _reserve()
            uids, gids = (owned(read(path), names) for path in FILES)
    if uids is None or gids is None or uids.first != gids.first:
        raise EngineFailed(
            f"user {USER} has not the same range in /etc/subuid and /etc/subgid",
            hint=f"Give it one range of {IDS} ids in both files, or remove its lines from both.",
        )
    _refuse_overlap(uids, names)
    return uids.first


def _in_namespace() -> int:
    """The ids that came along into a user namespace: 0 is who entered it, the others are for containers."""
    if not userns.holds(1, IDS):
        raise NotSupported(
            f"this user namespace has no {IDS:,} ids beside its root's",
            hint="Give it more, or start the location outside of it.",
        )
    return 1


def _user() -> tuple[str, ...]:
    try:
        return (USER, str(pwd.getpwnam(USER).pw_uid))
    except KeyError:
        _run("useradd", "--system", "--no-create-home", "--home-dir", "/nonexistent",
             "--shell", "/usr/sbin/nologin", USER)  # fmt: skip
    return (USER, str(pwd.getpwnam(USER).pw_uid))


def _reserve() -> None:
    taken = [r for path in FILES for r in read(path)]
    taken += [Range(user.pw_name, user.pw_uid, 1) for user in pwd.getpwall()]
    taken += [Range(group.gr_name, group.gr_gid, 1) for group in grp.getgrall()]
    ours = free(taken)
    ids = f"{ours.first}-{ours.end - 1}"
    _run("usermod", "--add-subuids", ids, "--add-subgids", ids, USER)


def _refuse_overlap(ours: Range, names: tuple[str, ...]) -> None:
    for path in FILES:
        other = clash(ours, read(path), names)
        if other is not None:
            raise EngineFailed(
                f"the container ids of user {USER} ({ours.first} to {ours.end - 1}) overlap those of "
                f"{other.owner} ({other.first} to {other.end - 1}) in {path}",
                hint=f"Remove the lines of {USER} from {path.parent}/subuid and subgid: the engine "
                "then reserves a free range. Images are unpacked again.",
            )


def read(path: Path) -> list[Range]:
    """The ranges of a file; none where there is no file."""
    try:
        return parse(path.read_text())
    except FileNotFoundError:
        return []


def _run(*command: str) -> None:
    env = {**os.environ, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, env=env)
    except FileNotFoundError as error:
        raise EngineFailed(f"{command[0]} is missing", hint="apt-get install passwd") from error
    except subprocess.CalledProcessError as error:
        raise EngineFailed(f"{command[0]} failed", detail=error.stderr) from error
