"""How the process of an ordinary user's location becomes root of a user namespace, before it does anything else.

All of it enters, not only the keeper: it writes the files of containers' users, and descriptors of a namespace's mounts and
networks are of use to its root alone. The namespace is made by this process and mapped by ``newuidmap`` and ``newgidmap``,
the setuid programs that know which ids are whose. A location that follows a killed one joins the namespace of the keeper it
left, so that it goes on with what that holds.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path

from ...errors import NotSupported
from . import subids
from .bundle import IDS
from .link import visit_keeper
from .subids import Range
from .syscalls import CLONE_NEWUSER, setns, unshare

_PATH = "/usr/bin:/bin:/usr/sbin:/sbin"
FIRST_ID = 1  # of the subordinate ids, inside


def enter(runtime: Path) -> None:
    """Be root, over a namespace where the caller is not the machine's. Needs a process with one thread; root stays as it is.

    Raises:
        NotSupported: the machine does not let this user; the hint says what lets them.
    """
    if os.geteuid() == 0:
        return
    left = visit_keeper(runtime)
    if left is None:
        _make()
        return
    visitor, keeper = left
    visitor.close()
    try:
        setns(keeper, CLONE_NEWUSER)
    finally:
        os.close(keeper)


def _make() -> None:
    users, groups = _ranges()
    for program in ("newuidmap", "newgidmap"):
        if not shutil.which(program, path=_PATH):
            raise NotSupported(
                f"containers of an ordinary user need {program}", hint="apt-get install uidmap"
            )
    told, tell = os.pipe()
    mapper = os.fork()
    if not mapper:
        os._exit(_map(os.getppid(), told, users, groups))
    try:
        unshare(CLONE_NEWUSER)
        os.write(tell, b"\n")
    except OSError as error:
        raise NotSupported(
            f"the kernel does not let you make a user namespace: {error.strerror}",
            hint="As root: sysctl -w kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000 "
            "(on Ubuntu: kernel.apparmor_restrict_unprivileged_userns=0)",
        ) from error
    finally:
        os.close(tell)
        os.close(told)
        _pid, status = os.waitpid(mapper, 0)
    if status:
        raise NotSupported(
            "newuidmap and newgidmap did not map your subordinate ids",
            hint="Its words are in location.log or location.err; are they setuid root, and your lines in /etc/subuid "
            "and /etc/subgid right?",
        )


def _map(location: int, told: int, users: Range, groups: Range) -> int:
    """In a child that stays outside: once told, map the ids of the location. An exit code."""
    if not os.read(told, 1):
        return 1
    for program, own, theirs in (
        ("newuidmap", os.getuid(), users),
        ("newgidmap", os.getgid(), groups),
    ):
        ids = (0, own, 1, FIRST_ID, theirs.first, IDS)
        done = subprocess.run(
            [program, *map(str, (location, *ids))], env={"PATH": _PATH}, check=False
        )
        if done.returncode:
            return 1
    return 0


def _ranges() -> tuple[Range, Range]:
    """The caller's subordinate users and groups."""
    name = _name()
    names = (name, str(os.getuid()))
    users, groups = (subids.owned(subids.read(path), names) for path in subids.FILES)
    if users is None or groups is None:
        raise NotSupported(
            f"user {name} has no {IDS:,} subordinate ids in /etc/subuid and /etc/subgid",
            hint=f"As root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {name} "
            "(or another range that nobody has)",
        )
    return users, groups


def _name() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
