"""The kernel, the rights and the room that containers need, as this machine has them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from .report import Check, State

_OLDEST_KERNEL = (5, 11)
_NAMESPACES = ("user", "net", "mnt", "pid", "ipc", "uts")
_CONTROLLERS = {"memory", "cpu", "pids"}
_CAPABILITIES = {"CAP_SYS_ADMIN": 21, "CAP_NET_ADMIN": 12}
_LEAST_DISK = 1 << 30  # below this the engine refuses to spawn
_GOOD_DISK = 4 << 30  # a base system, a few images and their containers


def kernel() -> list[Check]:
    """Version, namespaces, overlayfs and seccomp."""
    return [_version(os.uname().release), _namespaces(), _overlay(), _seccomp()]


def privileges() -> Check:
    """Whether this process may make containers."""
    if os.geteuid() != 0:
        return Check(
            "root",
            "missing",
            "containers are started by root; an engine for ordinary users is not there yet",
            "start JupyterLab, or your program, as root",
        )
    lacking = [name for name, bit in _CAPABILITIES.items() if not _effective() >> bit & 1]
    if lacking:
        why = f"root without {' and '.join(lacking)} cannot make containers"
        return Check("root", "missing", why, "if this is a container itself, run it privileged")
    return Check("root", "ok", "makes namespaces, mounts and network devices")


def control_groups() -> Check:
    """Whether limits are enforced."""
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
