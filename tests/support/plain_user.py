"""A program that becomes an ordinary user of a machine prepared for one, and goes on as another program.

The user exists in a mount namespace of this program's alone: the account and its subordinate ids are lines of copies of the
machine's files, bound over them. There too, /dev/net/tun may be opened by everybody, as most distributions have it, and
what a developer's or CI's home folder would hide can be reached: Python and this project.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from tfnz_jupyter.engines.embedded.syscalls import (
    CLONE_NEWNS,
    MS_REC,
    MS_SLAVE,
    bind,
    mount,
    unshare,
)

USER, ID, FIRST_SUB_ID = "tfnz-plain", 54_321, 700_000
_LINES = {
    "passwd": f"{USER}:x:{ID}:{ID}::/nonexistent:/bin/sh\n",
    "group": f"{USER}:x:{ID}:\n",
    "subuid": f"{USER}:{FIRST_SUB_ID}:65536\n",
    "subgid": f"{USER}:{FIRST_SUB_ID}:65536\n",
}


def main(scratch: str, reachable: str, *command: str) -> None:
    """``scratch`` is an empty folder for the user; ``reachable`` lists folders that have to be, by colons."""
    unshare(CLONE_NEWNS)
    mount("none", "/", None, MS_REC | MS_SLAVE)
    base = Path(scratch)
    mount("none", scratch, "tmpfs", 0, f"mode=0755,uid={ID},gid={ID}")
    (base / "home").mkdir()
    os.chown(base / "home", ID, ID)
    _prepare(base)
    folders = [Path(path) for path in reachable.split(":")]
    _open_ways(folders)
    _open_doors(folders, base)
    os.setgroups([])
    os.setgid(ID)
    os.setuid(ID)
    own = {"HOME": f"{base}/home", "USER": USER, "TFNZ_HOME": f"{base}/home/tfnz"}
    os.execve(
        command[0], command, os.environ | own
    )  # what root has set leads to what root may read


def _prepare(base: Path) -> None:
    for name, line in _LINES.items():
        file = Path("/etc", name)
        file.touch()
        copy = base / name
        copy.write_text(file.read_text() + line)
        bind(str(copy), str(file), 0)
    tun = base / "tun"
    os.mknod(tun, stat.S_IFCHR, os.makedev(10, 200))
    tun.chmod(0o666)
    bind(str(tun), "/dev/net/tun", 0)


def _open_ways(folders: list[Path]) -> None:
    """Where a folder on the way to one of these is closed to others, put an open one with nothing else in its place."""
    for folder in folders:
        closed = next((p for p in reversed(folder.parents) if not p.stat().st_mode & 0o001), None)
        if closed is None:
            continue
        inside = [f for f in folders if f.is_relative_to(closed)]
        held = [os.open(f, os.O_PATH | os.O_DIRECTORY) for f in inside]
        mount("none", str(closed), "tmpfs", 0, "mode=0755")
        for fd, path in zip(held, inside, strict=True):
            path.mkdir(parents=True, exist_ok=True)
            bind(f"/proc/self/fd/{fd}", str(path), 0)
            os.close(fd)


def _open_doors(folders: list[Path], base: Path) -> None:
    """Where one of these is closed itself, put a copy of it that is open in its place; nothing of it is changed."""
    for number, folder in enumerate(folders):
        if folder.stat().st_mode & 0o005 != 0o005:
            upper, work = (base / f"{name}-{number}" for name in ("upper", "work"))
            upper.mkdir()
            work.mkdir()
            options = f"lowerdir={folder},upperdir={upper},workdir={work}"
            mount("none", str(folder), "overlay", 0, options)
            folder.chmod(0o755)


if __name__ == "__main__":
    main(*sys.argv[1:])
