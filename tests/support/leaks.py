"""What an embedded engine has on this machine at the moment: to compare before and after, and to find what was left.

``footprint(state)`` attributes by the engine's own marks (the tag of its state folder on mounts and cgroups, the folder in
command lines), so that other engines and other people's work on the same machine do not disturb. Host-wide facts that carry
no mark (links, firewall rules) are listed whole.

What an engine keeps ready for the next container or process is no leak, and comes and goes by itself: it is left out, by the
name that it has until somebody uses it.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tfnz_jupyter.engines.embedded.cgroups import existing, tag
from tfnz_jupyter.engines.embedded.pool import holders

from .apart import NETWORK

#: In the names of what is kept ready: a slot for a container, a spare launcher in one.
_READY = re.compile(r"/(slot-\d+|spare)\b")
_LAUNCHER = "sh\0-c\0while ["


def footprint(state: Path) -> dict[str, set[str]]:
    """By kind: processes, mounts, networks, links, rules, cgroups, files. Empty sets where there is nothing.

    Layers that stay unpacked are no leak and are not listed; half unpacked ones are.
    """
    mark = f"tfnz-{tag(state)}"
    mine = {pid: names for pid in _pids() if (names := _marks(pid, mark, state))}
    mounts = {line for pid in ("self", *mine) for line in _mounts(pid, mark)}
    return {
        "processes": {f"{pid} {_command(pid)}" for pid in mine if not _waits(pid)},
        "mounts": {line for line in mounts if not _READY.search(line)},
        "networks": {f"network {number}" for number in range(_networks(mine, mark))},
        "links": _links(),
        "rules": _rules(),
        "cgroups": {path for path in existing(tag(state)) if not _READY.search(path)},
        "files": _files(state) | _pool_files(mine),
        "loops": set(holders(state)),
    }


def nothing(found: dict[str, set[str]]) -> bool:
    """Whether a footprint is that of an engine that is not there."""
    return not any(
        found[kind] for kind in ("processes", "mounts", "networks", "cgroups", "files", "loops")
    )


def _pids() -> Iterator[str]:
    return (name for name in os.listdir("/proc") if name.isdigit())


def _marks(pid: str, mark: str, state: Path) -> set[str]:
    """How a process shows that it belongs to the engine. Those who only look at it from outside do not."""
    found = set()
    if mark in _read(pid, "cgroup"):
        found.add("cgroup")
    if f" {mark} " in _read(pid, "mountinfo"):
        found.add("mounts")
    command = _read(pid, "cmdline").split("\0")
    if "--state" in command and str(state) in command:
        found.add("keeper")
    if any(part.startswith(f"{state}/layers/") for part in command):
        found.add("unpacker")
    return found


def _waits(pid: str) -> bool:
    """Whether it is a launcher that nobody has asked for yet."""
    return bool(_READY.search(_read(pid, "cgroup"))) or _read(pid, "cmdline").startswith(_LAUNCHER)


def _mounts(pid: str, mark: str) -> set[str]:
    """The engine's; volumes are mounted from its pool, which has no mark, and in its own processes alone."""
    lines = _read(pid, "mountinfo").splitlines()
    own = pid != "self"
    return {line for line in lines if f" {mark} " in line or (own and "/volume-" in line)}


def _networks(mine: dict[str, set[str]], mark: str) -> int:
    """How many are not those of slots, at a moment when no slot is just made or taken."""
    last = None
    while last != (last := (len(_namespaces("net", mine)), _slots(mine, mark))):
        pass
    return last[0] - last[1]


def _slots(mine: dict[str, set[str]], mark: str) -> int:
    lines = {line for pid in mine for line in _mounts(pid, mark)}
    return len({name for line in lines for name in _READY.findall(line)})


def _namespaces(kind: str, pids: dict[str, set[str]]) -> set[str]:
    """Namespaces of the engine's processes (and held open by them) that are not ours."""
    own = os.readlink(f"/proc/self/ns/{kind}")
    found: set[str] = set()
    for pid in pids:
        paths = [f"/proc/{pid}/ns/{kind}", *_descriptors(pid)]
        for path in paths:
            try:
                target = os.readlink(path)
            except OSError:
                continue
            if target.startswith(f"{kind}:") and target != own:
                found.add(target)
    return found


def _descriptors(pid: str) -> list[str]:
    try:
        return [f"/proc/{pid}/fd/{name}" for name in os.listdir(f"/proc/{pid}/fd")]
    except OSError:
        return []


def _links() -> set[str]:
    """But for those of a cluster's nodes, which a bridge has, and of other tests' networks: these come and go meanwhile."""
    links = Path("/sys/class/net").iterdir()
    return {
        link.name
        for link in links
        if not ((link / "master").exists() or link.name.startswith(NETWORK))
    }


def _rules() -> set[str]:
    listed = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=False)
    return set(listed.stdout.split("\n")) - {""}


def _files(state: Path) -> set[str]:
    found = {str(path) for path in state.glob("containers/*")}
    return found | {str(path) for path in state.glob("layers/.half-*")}


def _pool_files(pids: dict[str, set[str]]) -> set[str]:
    """What lies in the pool, as its keeper sees it: containers' folders, volumes, snapshots."""
    keepers = [pid for pid, names in pids.items() if "keeper" in names]
    return {str(path) for pid in keepers for path in Path(f"/proc/{pid}/root/mnt/pool").glob("*/*")}


def _command(pid: str) -> str:
    return re.sub(r"\0+", " ", _read(pid, "cmdline"))[:80].strip()


def _read(pid: str, name: str) -> str:
    try:
        return Path("/proc", pid, name).read_text(errors="replace")
    except OSError:
        return ""
