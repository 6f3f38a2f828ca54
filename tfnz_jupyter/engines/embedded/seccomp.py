"""The system calls a container may make: the distribution's profile, brought down to Docker's level. Pure.

The profile that Debian ships for podman (``/usr/share/containers/seccomp.json``) lets every container mount, unshare, enter
namespaces and use the kernel's keyrings, because podman relies on user namespaces for those. We take them away, answer
``clone3`` with ENOSYS so that C libraries fall back to ``clone`` whose flags a filter can see, and refuse two socket
families: vsock, which is not a part of the network namespace and may reach the machine's own host, and AF_ALG.
"""

from __future__ import annotations

import errno
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import EngineFailed

REMOVED = frozenset(
    {
        "add_key",
        "fsconfig",
        "fsmount",
        "fsopen",
        "fspick",
        "get_mempolicy",
        "keyctl",
        "mbind",
        "mount",
        "mount_setattr",
        "move_mount",
        "open_tree",
        "open_tree_attr",
        "pivot_root",
        "reboot",
        "request_key",
        "set_mempolicy",
        "setns",
        "syslog",
        "umount",
        "umount2",
        "unshare",
    }
)
_OURS = REMOVED | {"clone", "clone3", "socket"}
# CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET}
_NEW_NAMESPACES = (1 << 17, 1 << 25, 1 << 26, 1 << 27, 1 << 28, 1 << 29, 1 << 30)
_AF_ALG, _AF_VSOCK = 38, 40
_ARCHES = {"x86_64": "amd64", "aarch64": "arm64", "riscv64": "riscv64", "ppc64le": "ppc64le",
           "s390x": "s390x"}  # fmt: skip
_CLONE_FLAGS_ARGUMENT = {"s390x": 1}
_COMPARE = {
    f"SCMP_CMP_{name}": number
    for number, name in enumerate(("NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"), 1)
}
_NE, _LT, _LE, _EQ, _GE, _GT, _MASKED_EQ = range(1, 8)

Comparison = tuple[int, int, int, int]  # argument, operation, first operand, second operand


@dataclass(frozen=True, slots=True)
class Rule:
    """One system call: allowed (``error`` None) or answered with an error, if all comparisons hold."""

    name: str
    error: int | None = None
    args: tuple[Comparison, ...] = ()


@dataclass(frozen=True, slots=True)
class Filter:
    """Rules, and the error every other system call is answered with."""

    default_error: int
    rules: tuple[Rule, ...]


def translate(profile: Mapping[str, Any], machine: str, capabilities: Collection[str]) -> Filter:
    """The filter for one architecture (``platform.machine()``) and set of capabilities.

    Raises:
        EngineFailed: the profile is none that we understand: its default must be to refuse.
    """
    if profile.get("defaultAction") != "SCMP_ACT_ERRNO":
        raise EngineFailed("the seccomp profile does not refuse what it does not name")
    rules: list[Rule] = []
    for entry in profile.get("syscalls", ()):
        if _applies(entry, _ARCHES.get(machine, machine), capabilities):
            error = _error(entry)
            args = tuple(_comparison(arg) for arg in entry.get("args") or ())
            rules += [Rule(name, error, args) for name in entry["names"] if name not in _OURS]
    rules += _own_rules(_CLONE_FLAGS_ARGUMENT.get(machine, 0))
    return Filter(int(profile.get("defaultErrnoRet", errno.EPERM)), tuple(dict.fromkeys(rules)))


def _own_rules(clone_flags: int) -> list[Rule]:
    return [
        *(Rule(name, errno.EPERM) for name in sorted(REMOVED)),
        Rule("clone3", errno.ENOSYS),
        Rule("clone", None, ((clone_flags, _MASKED_EQ, sum(_NEW_NAMESPACES), 0),)),
        *(
            Rule("clone", errno.EPERM, ((clone_flags, _MASKED_EQ, flag, flag),))
            for flag in _NEW_NAMESPACES
        ),
        Rule("socket", None, ((0, _LT, _AF_ALG, 0),)),
        Rule("socket", None, ((0, _EQ, _AF_ALG + 1, 0),)),
        Rule("socket", None, ((0, _GT, _AF_VSOCK, 0),)),
    ]


def _applies(entry: Mapping[str, Any], arch: str, capabilities: Collection[str]) -> bool:
    includes, excludes = entry.get("includes") or {}, entry.get("excludes") or {}
    if includes.get("arches") and arch not in includes["arches"]:
        return False
    if not set(includes.get("caps") or ()) <= set(capabilities):
        return False
    if arch in (excludes.get("arches") or ()):
        return False
    return not set(excludes.get("caps") or ()) & set(capabilities)


def _error(entry: Mapping[str, Any]) -> int | None:
    match entry["action"]:
        case "SCMP_ACT_ALLOW":
            return None
        case "SCMP_ACT_ERRNO":
            return int(entry.get("errnoRet", errno.EPERM))
    raise EngineFailed(f"the seccomp profile has an action we do not know: {entry['action']}")


def _comparison(arg: Mapping[str, Any]) -> Comparison:
    operation = _COMPARE.get(arg["op"])
    if operation is None:
        raise EngineFailed(f"the seccomp profile has a comparison we do not know: {arg['op']}")
    return arg["index"], operation, arg.get("value", 0), arg.get("valueTwo", 0)
