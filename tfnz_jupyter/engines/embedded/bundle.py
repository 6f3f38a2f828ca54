"""OCI ``config.json`` and process descriptions for crun: pure.

What a container gets is Docker's default, minus what lets it reach further: no MKNOD, no new privileges, always a user
namespace of its own over a range of ids that nobody on the machine has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..accounts import Account, environment
from ..capabilities import CAPABILITIES

if TYPE_CHECKING:  # the keeper needs none of what comes with it
    from ..base import ContainerSpec, Terminal

MASKED = (
    "/proc/asound",
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
    "/sys/kernel/debug",
    "/sys/kernel/security",
)
READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
IDS = 65_536

# Files every container has of its own, unless the user wrote one before the boot.
PROVIDED = ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf")

_TERMINALS = "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5"

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Machine:
    """What a bundle needs to know of where it will run; paths are as the keeper sees them."""

    first_id: int  # of the subordinate ids
    seccomp: str  # compiled filter, base64
    rlimits: tuple[tuple[str, int, int], ...]  # name, soft, hard
    cgroup2: bool = False  # whether a container can be shown its own limits
    lacking: Mapping[str, str] = field(default_factory=dict)  # what cannot be limited -> why


@dataclass(frozen=True, slots=True)
class Places:
    """Where the keeper put the parts of one container."""

    root: str
    netns: str
    sysfs: str
    folder: str  # holds the PROVIDED files under their last names
    volumes: tuple[str, ...] = ()  # as in ContainerSpec.volumes


def process(
    argv: Sequence[str], env: Sequence[str], cwd: str, account: Account, machine: Machine,
    terminal: Terminal | None = None,
) -> Json:  # fmt: skip
    """The ``process`` object of a container, and the file that ``crun exec --process`` takes."""
    size = {"height": terminal.rows, "width": terminal.columns} if terminal else {}
    capabilities = list(CAPABILITIES)
    effective = capabilities if account.uid == 0 else []
    return {
        "terminal": terminal is not None,
        "consoleSize": size,
        "user": {
            "uid": account.uid,
            "gid": account.gid,
            "umask": 0o022,
            "additionalGids": list(account.groups),
        },
        "args": list(argv),
        "env": list(env),
        "cwd": cwd or "/",
        "capabilities": {
            "bounding": capabilities,
            "effective": effective,
            "permitted": effective,
            "inheritable": [],
            "ambient": [],
        },
        "rlimits": [
            {"type": name, "soft": soft, "hard": hard} for name, soft, hard in machine.rlimits
        ],
        "noNewPrivileges": True,
    }


def config(
    spec: ContainerSpec, account: Account, machine: Machine, places: Places, memory: int
) -> Json:
    """The whole ``config.json``; ``memory`` is the container's limit in bytes."""
    mapping = [{"containerID": 0, "hostID": machine.first_id, "size": IDS}]
    env = environment(spec.env, account.home, spec.hostname, spec.terminal)
    namespaces: list[Json] = [
        {"type": kind} for kind in ("pid", "mount", "ipc", "uts", "user", "cgroup")
    ]
    namespaces.append({"type": "network", "path": places.netns})
    return {
        "ociVersion": "1.0.2",
        "hostname": spec.hostname,
        "root": {"path": places.root},
        "process": process(spec.argv, env, spec.cwd, account, machine, spec.terminal),
        "mounts": _mounts(spec, account, machine, places, memory),
        "annotations": {"run.oci.seccomp_bpf_data": machine.seccomp},
        "linux": {
            "namespaces": namespaces,
            "uidMappings": mapping,
            "gidMappings": mapping,
            "maskedPaths": list(MASKED),
            "readonlyPaths": list(READ_ONLY),
        },
    }


def _mounts(
    spec: ContainerSpec, account: Account, machine: Machine, places: Places, memory: int
) -> list[Json]:
    # crun makes terminals as root: whom they are for may open them by name only if they are this user's from the start.
    terminals = f",uid={account.uid}" if account.uid else ""
    fixed: list[tuple[str, str, str, str]] = [
        ("/proc", "proc", "proc", "nosuid,noexec,nodev"),
        ("/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k"),
        ("/dev/pts", "devpts", "devpts", f"{_TERMINALS}{terminals}"),
        ("/dev/shm", "tmpfs", "shm", f"nosuid,noexec,nodev,mode=1777,size={memory // 2048}k"),
        ("/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev"),
        ("/sys", "bind", places.sysfs, "bind,ro,nosuid,noexec,nodev"),
    ]
    if machine.cgroup2:
        fixed.append(("/sys/fs/cgroup", "cgroup", "cgroup", "ro,nosuid,noexec,nodev"))
    for (_volume, place), source in sorted(
        zip(spec.volumes, places.volumes, strict=True), key=_place
    ):
        fixed.append((place, "bind", source, "bind,nosuid,nodev"))
    written = {path for path, _content in spec.files}
    for path in PROVIDED:
        if path not in written:
            source = f"{places.folder}/{path.rpartition('/')[2]}"
            fixed.append((path, "bind", source, "bind,nosuid,nodev,noexec"))
    return [
        {"destination": target, "type": kind, "source": source, "options": options.split(",")}
        for target, kind, source, options in fixed
    ]


def _place(mounted: tuple[tuple[str, str], str]) -> str:
    (_volume, place), _source = mounted
    return place


def provided_files(hostname: str, ip: str, resolver: str | None) -> Mapping[str, bytes]:
    """What the PROVIDED files hold, by their last names."""
    hosts = f"127.0.0.1\tlocalhost\n{ip}\t{hostname}\n"
    resolv = f"nameserver {resolver}\noptions edns0\n" if resolver else ""
    return {
        "hosts": hosts.encode(),
        "hostname": f"{hostname}\n".encode(),
        "resolv.conf": resolv.encode(),
    }
