"""The kernel, the rights and the room that containers need, as this machine has them."""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Sequence
from pathlib import Path

from .report import Check, State

_OLDEST_KERNEL = (5, 11)
_NAMESPACES = ("user", "net", "mnt", "pid", "ipc", "uts")
_CONTROLLERS = {"memory", "cpu", "pids"}
_CAPABILITIES = {"CAP_SYS_ADMIN": 21, "CAP_NET_ADMIN": 12}
_IDS = 65_536  # of a container's users
#: What holds for ordinary users' namespaces where a file has this value.
_FORBIDS = (
    ("/proc/sys/kernel/unprivileged_userns_clone", "0"),
    ("/proc/sys/user/max_user_namespaces", "0"),
    ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1"),
)
_PROGRAMS = "/usr/bin:/bin:/usr/sbin:/sbin"
_LEAST_DISK = 1 << 30  # below this the engine refuses to spawn
_GOOD_DISK = 4 << 30  # a base system, a few images and their containers


def kernel() -> list[Check]:
    """Version, namespaces, overlayfs and seccomp."""
    return [_version(os.uname().release), _namespaces(), _overlay(), _seccomp()]


def privileges() -> Check:
    """Whether this process may make containers."""
    if os.geteuid() != 0:
        return _ordinary_user()
    lacking = [name for name, bit in _CAPABILITIES.items() if not _effective() >> bit & 1]
    if lacking:
        why = f"root without {' and '.join(lacking)} cannot make containers"
        return Check("root", "missing", why, "if this is a container itself, run it privileged")
    return Check("root", "ok", "makes namespaces, mounts and network devices")


def _ordinary_user() -> Check:
    """An ordinary user makes containers in a user namespace, if the machine lets them."""
    forbidden = next(
        (f"{path} is {_first(path)}" for path, bad in _FORBIDS if _first(path) == bad), ""
    )
    if forbidden:
        return Check("root", "missing", f"ordinary users may make no user namespaces: {forbidden}",
                     "change that with sysctl, or start your program as root")  # fmt: skip
    name = _name()
    for path in ("/etc/subuid", "/etc/subgid"):
        if not _has_ids(_lines(path), (name, str(os.getuid()))):
            mend = f"usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {name}"
            return Check("root", "missing", f"user {name} has no 65,536 ids in {path}", mend)
    if shutil.which("newuidmap", path=_PROGRAMS) is None:
        return Check("root", "missing", "newuidmap, which maps your ids, is missing",
                     "apt-get install uidmap", "uidmap")  # fmt: skip
    why = "makes containers in a user namespace of yours, without limits on what they use"
    return Check("root", "degraded", why, "start your program as root")


def _has_ids(lines: Sequence[str], names: tuple[str, str]) -> bool:
    rows = (line.split(":") for line in lines)
    return any(
        len(row) == 3 and row[0] in names and row[2].strip().isdigit() and int(row[2]) >= _IDS
        for row in rows
    )


def _name() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _first(path: str) -> str:
    return next(iter(_lines(path)), "")


def control_groups() -> Check:
    """Whether limits are enforced."""
    if os.geteuid() != 0:
        why = "only root can set limits on memory, cpus and processes"
        return Check("control groups", "degraded", why, "start your program as root")
    unified = "/sys/fs/cgroup/cgroup.controllers"
    if os.path.exists(unified):
        lacking = _CONTROLLERS - _words(unified)
    else:
        lacking = {name for name in _CONTROLLERS if not os.path.isdir(f"/sys/fs/cgroup/{name}")}
    if lacking:
        why = f"no limit is enforced on: {', '.join(sorted(lacking))}"
        return Check("control groups", "degraded", why, "mount these controllers at /sys/fs/cgroup")
    return Check("control groups", "ok", "limit the memory, cpus and processes of containers")


def tun() -> Check:
    """Whether containers can be given a way to the internet."""
    why = "carries the containers' traffic to the internet"
    if os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return Check("/dev/net/tun", "ok", why)
    mend = "chmod 0666 /dev/net/tun" if os.path.exists("/dev/net/tun") else "modprobe tun"
    return Check("/dev/net/tun", "degraded", why, mend)


def disk(folder: Path) -> Check:
    """The room for images and containers."""
    free = shutil.disk_usage(folder).free
    why = f"{free / (1 << 30):.1f} GiB free for images and containers"
    if free >= _GOOD_DISK:
        return Check("disk space", "ok", why)
    state: State = "missing" if free < _LEAST_DISK else "degraded"
    return Check("disk space", state, why, f"make room, or set TFNZ_HOME to move {folder}")


def _version(release: str) -> Check:
    numbers = [int(part) for part in release.split("-")[0].split(".")[:2]]
    if tuple(numbers) >= _OLDEST_KERNEL:
        return Check("Linux kernel", "ok", release)
    return Check("Linux kernel", "missing", f"{release} is older than 5.11", "upgrade the system")


def _namespaces() -> Check:
    lacking = [name for name in _NAMESPACES if not os.path.exists(f"/proc/self/ns/{name}")]
    if lacking:
        why = f"the kernel has none for: {', '.join(lacking)}"
        return Check("namespaces", "missing", why, "use a kernel that has them, as Debian's does")
    return Check("namespaces", "ok", "isolate the containers")


def _overlay() -> Check:
    why = "gives each container a writable copy of its image at no cost"
    modules = Path("/lib/modules", os.uname().release, "kernel/fs/overlayfs")
    if "overlay" in _words("/proc/filesystems") or any(modules.glob("overlay.ko*")):
        return Check("overlayfs", "ok", why)
    return Check("overlayfs", "missing", why, "modprobe overlay")


def _seccomp() -> Check:
    why = "filters the system calls that containers make"
    if "errno" in _words("/proc/sys/kernel/seccomp/actions_avail"):
        return Check("seccomp", "ok", why)
    return Check("seccomp", "missing", why, "use a kernel built with CONFIG_SECCOMP_FILTER")


def _effective() -> int:
    for line in _lines("/proc/self/status"):
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def _lines(path: str) -> Sequence[str]:
    try:
        return Path(path).read_text("ascii", "replace").splitlines()
    except OSError:
        return ()


def _words(path: str) -> set[str]:
    return {word for line in _lines(path) for word in line.split()}
