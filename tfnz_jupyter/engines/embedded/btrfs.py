"""What btrfs does beyond a filesystem: subvolumes, snapshots, limits. By ioctl: each takes a fraction of a millisecond.

Simple quotas where the kernel has them (6.7): they count what a subvolume has written itself, and cost next to nothing.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
from collections.abc import Iterator

# linux/btrfs.h
_MAGIC = 0x94
_SUBVOL_CREATE, _SNAP_DESTROY, _SNAP_CREATE_V2, _SYNC = 14, 15, 23, 8
_INO_LOOKUP, _QUOTA_CTL, _QGROUP_LIMIT = 18, 40, 43
_READ, _WRITE, _BOTH = 2, 1, 3
_ENABLE, _ENABLE_SIMPLE = 1, 4
_LIMIT_REFERENCED = 1
_ROOT_INODE = 256  # of every subvolume
_SNAPSHOT_READ_ONLY = 2


def enable_quota(path: str) -> None:
    """Let subvolumes be counted and limited. Idempotent."""
    for kind in (_ENABLE_SIMPLE, _ENABLE):
        with contextlib.suppress(OSError), _folder(path) as fd:
            _ioctl(fd, _BOTH, _QUOTA_CTL, struct.pack("QQ", kind, 0))
            return
    raise OSError(errno.EOPNOTSUPP, "btrfs quotas cannot be enabled")


def create(path: str) -> None:
    """A new subvolume."""
    folder, name = os.path.split(path)
    with _folder(folder) as fd:
        _ioctl(fd, _WRITE, _SUBVOL_CREATE, struct.pack("q4088s", 0, os.fsencode(name)))


def snapshot(source: str, path: str, *, read_only: bool) -> None:
    """A copy of a subvolume as it is at this moment, dirty pages included."""
    folder, name = os.path.split(path)
    flags = _SNAPSHOT_READ_ONLY if read_only else 0
    with _folder(folder) as fd, _folder(source) as found:
        arguments = struct.pack("qQQ32s4040s", found, 0, flags, b"", os.fsencode(name))
        _ioctl(fd, _WRITE, _SNAP_CREATE_V2, arguments)


def destroy(path: str) -> None:
    """Remove a subvolume with all it holds; its space comes back soon after."""
    try:
        _destroy(path)
    except OSError as error:
        if error.errno != errno.ENOTEMPTY:
            raise
        for inner in _subvolumes(path):  # a container may make some in a volume
            _destroy(inner)
        _destroy(path)


def limit(path: str, size: int) -> None:
    """Let a subvolume hold no more than ``size`` bytes."""
    with _folder(path) as fd:
        found = _ioctl(fd, _BOTH, _INO_LOOKUP, struct.pack("QQ4080s", 0, _ROOT_INODE, b""))
        group = struct.unpack_from("Q", found)[0]
        _ioctl(fd, _READ, _QGROUP_LIMIT, struct.pack("6Q", group, _LIMIT_REFERENCED, size, 0, 0, 0))


def sync(path: str) -> None:
    """Have everything on the disk."""
    with _folder(path) as fd:
        fcntl.ioctl(fd, _number(0, _SYNC, 0))


def _destroy(path: str) -> None:
    folder, name = os.path.split(path)
    with _folder(folder) as fd:
        _ioctl(fd, _WRITE, _SNAP_DESTROY, struct.pack("q4088s", 0, os.fsencode(name)))


def _subvolumes(path: str) -> list[str]:
    """Those below a folder, the deepest first."""
    found = [
        os.path.join(folder, name)
        for folder, names, _files in os.walk(path)
        for name in names
        if os.lstat(os.path.join(folder, name)).st_ino == _ROOT_INODE
    ]
    return found[::-1]


@contextlib.contextmanager
def _folder(path: str) -> Iterator[int]:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


def _ioctl(fd: int, direction: int, number: int, arguments: bytes) -> bytearray:
    buffer = bytearray(arguments)  # more than 1024 bytes go only into something mutable
    fcntl.ioctl(fd, _number(direction, number, len(buffer)), buffer)
    return buffer


def _number(direction: int, number: int, size: int) -> int:
    return direction << 30 | size << 16 | _MAGIC << 8 | number
