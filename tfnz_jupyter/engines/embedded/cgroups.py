"""Cgroups of containers, on version 1 (also hybrid) and version 2, without moving anything on the way.

The launcher of a process joins the group by itself before it becomes crun, so that crun, the container and all it starts
are inside from their first instruction. Groups lie in ``tfnz-<tag>/<container id>``, the tag being that of the state
folder, so that locations do not meet and the leftovers of a dead one are found by name.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

_WANTED = ("memory", "cpu", "pids")
_PERIOD = 100_000  # microseconds; the kernel's own default


@dataclass(frozen=True, slots=True)
class Quota:
    """What one container may use, in the kernel's terms; None is no limit."""

    memory: int  # bytes
    cpus: float | None
    pids: int


def tag(state: Path) -> str:
    """What marks everything of the engine of one state folder: short, and good in names."""
    return hashlib.sha256(os.fsencode(state.absolute())).hexdigest()[:10]


def hierarchies(mountinfo: str) -> dict[str, str]:
    """Mount point of each controller we want, or ``{"": mount point}`` where version 2 is the one in charge."""
    found: dict[str, str] = {}
    unified = ""
    for line in mountinfo.splitlines():
        fields, _, rest = line.partition(" - ")
        kind, _source, options = rest.split(" ", 2)
        point = fields.split()[4]
        if kind == "cgroup":
            found |= {name: point for name in options.split(",") if name in _WANTED}
        elif kind == "cgroup2" and not unified:
            unified = point
    if not found and unified:
        return {"": unified}
    return found


def v1_settings(quota: Quota) -> dict[str, list[tuple[str, str]]]:
    """What to write where, in order, by controller."""
    cpu = [("cpu.shares", "1024")]
    if quota.cpus is not None:
        cpu += [
            ("cpu.cfs_period_us", str(_PERIOD)),
            ("cpu.cfs_quota_us", str(max(1000, int(quota.cpus * _PERIOD)))),
        ]
    return {
        "memory": [
            ("memory.limit_in_bytes", str(quota.memory)),
            ("memory.memsw.limit_in_bytes", str(quota.memory)),
        ],
        "cpu": cpu,
        "pids": [("pids.max", str(quota.pids))],
    }


def v2_settings(quota: Quota) -> list[tuple[str, str]]:
    """What to write in a version 2 group."""
    cpu = "max" if quota.cpus is None else str(max(1000, int(quota.cpus * _PERIOD)))
    return [
        ("memory.max", str(quota.memory)),
        ("memory.swap.max", "0"),
        ("memory.oom.group", "0"),
        ("cpu.weight", "100"),
        ("cpu.max", f"{cpu} {_PERIOD}"),
        ("pids.max", str(quota.pids)),
    ]


def _by_reason(lacking: Mapping[str, str]) -> dict[str, list[str]]:
    return {why: [n for n in lacking if lacking[n] == why] for why in lacking.values()}


_OPTIONAL = {"memory.memsw.limit_in_bytes", "memory.swap.max", "memory.oom.group"}


class Cgroups:
    """The groups of one engine. ``degraded`` says, in plain sentences, which limits this machine does not let us set."""

    def __init__(self, name: str) -> None:
        self.degraded: list[str] = []
        self.lacking: dict[str, str] = {}  # controller -> why it limits nothing
        self._name = name
        self._roots: dict[str, str] = {}
        found = hierarchies(Path("/proc/self/mountinfo").read_text())
        self._unified = "" in found
        self._limited: set[str] = set()
        for controller, point in found.items():
            try:
                self._roots[controller] = self._prepare(controller, point)
            except OSError as error:
                why = "only root can set them" if error.errno == errno.EACCES else error.strerror
                self._miss([controller] if controller else list(_WANTED), why)
        missing = [name for name in _WANTED if name not in found and not self._unified]
        if missing:
            self._miss(missing, "this kernel has no such cgroup controller")
        self.degraded = [
            f"Containers run without limits on {', '.join(names)}: {why}."
            for why, names in _by_reason(self.lacking).items()
        ]
        if not self._roots:
            self.degraded.append("A process that is killed may leave daemons of its own behind.")

    def _miss(self, names: list[str], why: str | None) -> None:
        self.lacking |= dict.fromkeys(names, why or "it cannot be used")

    def _prepare(self, controller: str, point: str) -> str:
        root = f"{point}/tfnz-{self._name}"
        if not self._unified:
            os.makedirs(root, exist_ok=True)
            self._limited.add(controller)
            return root
        there = Path(point, "cgroup.controllers").read_text().split()
        handed = [name for name in _WANTED if name in there]
        _hand_down(point, handed)
        os.makedirs(root, exist_ok=True)
        _hand_down(root, handed)
        self._limited.update(handed)
        missing = [name for name in _WANTED if name not in there]
        if missing:
            self._miss(missing, f"{point} was not given that cgroup controller")
        return root

    @property
    def renames(self) -> bool:
        """Whether a group can get another name, and so be there before its container is; version 2 does not allow it."""
        return not self._unified

    def create(self, name: str) -> None:
        """Make the group of one container, without limits as yet."""
        for root in self._roots.values():
            os.makedirs(f"{root}/{name}", exist_ok=True)  # a reboot finds it

    def rename(self, former: str, name: str) -> None:
        """Give a group, or a branch of one (``group/branch``), another name."""
        for root in self._roots.values():
            with contextlib.suppress(FileNotFoundError):  # a branch is in one hierarchy alone
                os.rename(f"{root}/{former}", f"{root}/{name}")

    def limit(self, name: str, quota: Quota) -> None:
        """Set what a container may use."""
        settings = v1_settings(quota) | {"": v2_settings(quota)}
        for controller, root in self._roots.items():
            for file, value in settings[controller]:
                if file.split(".")[0] in self._limited:
                    _write(f"{root}/{name}/{file}", value, optional=file in _OPTIONAL)

    def doors(self, name: str) -> list[str]:
        """The files that whoever joins a container's group writes its pid to."""
        return [f"{root}/{name}/cgroup.procs" for root in self._roots.values()]

    def branch(self, name: str, process: str) -> list[str]:
        """Make a group below a container's, for one more process and all it starts; what its launcher writes its pid to.

        One hierarchy is enough to find them again. On version 2 the branch is given no controllers, and so may be a leaf
        beside processes.
        """
        groups = []
        for controller, root in self._roots.items():
            group = f"{root}/{name}"
            if controller == self._branched():
                group += f"/{process}"
                os.makedirs(group, exist_ok=True)  # it may be the second try
            groups.append(f"{group}/cgroup.procs")
        return groups

    def members(self, name: str, process: str) -> list[int]:
        """The pids in a branch."""
        file = f"{self._roots.get(self._branched(), '')}/{name}/{process}/cgroup.procs"
        with contextlib.suppress(OSError), open(file) as lines:
            return [int(line) for line in lines]
        return []

    def remove_branch(self, name: str, process: str) -> None:
        """Take a branch away, unless somebody lives in it; then it goes with the container."""
        _rmdir(f"{self._roots.get(self._branched(), '')}/{name}/{process}")

    def _branched(self) -> str:
        """The hierarchy that has branches."""
        return next(
            (name for name in ("", "pids") if name in self._roots), min(self._roots, default="")
        )

    @property
    def controllers(self) -> set[str]:
        """Those in force: names on version 1, ``""`` for all of version 2."""
        return set(self._roots)

    def oom_kills(self, name: str) -> int:
        """How many processes of a container the kernel killed because the memory limit was reached."""
        file = "memory.events" if self._unified else "memory.oom_control"
        root = self._roots.get("" if self._unified else "memory")
        if root is None:
            return 0
        with contextlib.suppress(OSError), open(f"{root}/{name}/{file}") as lines:
            return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
        return 0

    def usage(self, name: str) -> tuple[int | None, int | None, int | None]:
        """Microseconds of processor time, bytes of memory (files that can be dropped left out) and processes of a container.

        None is what the groups do not tell.
        """
        if self._unified:
            cpu = self._number("", name, "cpu.stat", "usage_usec")
            memory = self._number("", name, "memory.current")
            cached = self._number("", name, "memory.stat", "inactive_file")
            return cpu, _less(memory, cached), self._number("", name, "pids.current")
        nanoseconds = self._number("cpu", name, "cpuacct.usage")
        memory = self._number("memory", name, "memory.usage_in_bytes")
        cached = self._number("memory", name, "memory.stat", "total_inactive_file")
        cpu = None if nanoseconds is None else nanoseconds // 1000
        return cpu, _less(memory, cached), self._number("pids", name, "pids.current")

    def _number(self, controller: str, name: str, file: str, word: str = "") -> int | None:
        """What a group's file says, behind ``word`` where there is one; None where it says nothing."""
        root = self._roots.get(controller)
        if root is None:
            return None
        try:
            text = b"\n" + read(f"{root}/{name}/{file}")
            found = text.partition(f"\n{word} ".encode())[2].partition(b"\n")[0] if word else text
            return int(found)
        except (OSError, ValueError):
            return None

    def remove(self, name: str) -> bool:
        """Take a container's groups away; False while one still has a process that is ending."""
        return all([_rmdir_all(f"{root}/{name}") for root in self._roots.values()])


def remove_all(name: str) -> None:
    """Remove every group of one engine; its processes must be dead. What is still busy stays, for the next sweep."""
    for point in set(hierarchies(Path("/proc/self/mountinfo").read_text()).values()):
        root = f"{point}/tfnz-{name}"
        for group in _folders(root):
            _rmdir_all(group)
        _rmdir(root)


def existing(name: str) -> set[str]:
    """Every group of one engine there is."""
    points = set(hierarchies(Path("/proc/self/mountinfo").read_text()).values())
    roots = [root for root in (f"{point}/tfnz-{name}" for point in points) if os.path.isdir(root)]
    return {group for root in roots for group in [root, *_folders(root)]}


def read(path: str) -> bytes:
    """A small file of the kernel's; every container has several that are read each second, and ``open`` takes twice as long."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, 65536)
    finally:
        os.close(fd)


def _less(memory: int | None, cached: int | None) -> int | None:
    return None if memory is None else max(0, memory - (cached or 0))


def _folders(root: str) -> Iterable[str]:
    try:
        return [entry.path for entry in os.scandir(root) if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []


def _rmdir_all(group: str) -> bool:
    """A container's group and its branches."""
    return all([_rmdir(branch) for branch in _folders(group)]) and _rmdir(group)


def _rmdir(path: str) -> bool:
    try:
        os.rmdir(path)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _hand_down(point: str, names: list[str]) -> None:
    """Give controllers to the children of a version 2 group, which may have no processes of its own then."""
    if names:
        _write(f"{point}/cgroup.subtree_control", " ".join(f"+{name}" for name in names))


def _write(path: str, value: str, *, optional: bool = False) -> None:
    try:
        fd = os.open(path, os.O_WRONLY)
        try:
            os.write(fd, value.encode())
        finally:
            os.close(fd)
    except OSError:
        if not optional:
            raise
