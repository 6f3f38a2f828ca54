"""The system calls Python has no name for: mount, setns, unshare, openat2.

Every one raises ``OSError`` as ``os`` does. Namespaces are entered by the calling *thread*; only single-threaded processes
here do so.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import time
from collections.abc import Iterator

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_REC = 0x4000
MS_SLAVE = 0x80000
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MNT_DETACH = 0x2
UMOUNT_NOFOLLOW = 0x8

RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_IN_ROOT = 0x10
# These have the same number on every architecture.
_SYS_OPEN_TREE = 428
_SYS_MOVE_MOUNT = 429
_SYS_OPENAT2 = 437
_PATIENCE, _PAUSE = 1.0, 0.0001  # seconds in which the kernel is asked again, and between two tries
_AT_FDCWD = -100
_OPEN_TREE_CLONE = 0x1
_MOVE_FROM_EMPTY_PATH = 0x4
_RENAME_EXCHANGE = 0x2

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str | None = None) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
    return result


def unshare(flags: int) -> None:
    """Leave the namespaces named by ``flags`` for fresh ones."""
    _checked(_libc.unshare(flags))


def setns(fd: int, kind: int = 0) -> None:
    """Enter the namespace ``fd`` stands for."""
    _checked(_libc.setns(fd, kind))


def mount(source: str, target: str, kind: str | None, flags: int = 0, data: str = "") -> None:
    """mount(2); ``kind`` is None for changes of an existing mount."""
    _checked(
        _libc.mount(
            os.fsencode(source),
            os.fsencode(target),
            kind.encode() if kind else None,
            ctypes.c_ulong(flags),
            data.encode() if data else None,
        ),
        target,
    )


def bind(source: str, target: str, flags: int) -> None:
    """Show a folder at another place, restricted by ``flags``."""
    mount(source, target, None, MS_BIND)
    mount("none", target, None, MS_BIND | MS_REMOUNT | flags)


def clone_mount(path: str) -> int:
    """A mount like the one at ``path``, at no place yet."""
    flags = _OPEN_TREE_CLONE | os.O_CLOEXEC
    arguments = (ctypes.c_long(_AT_FDCWD), ctypes.c_char_p(os.fsencode(path)), ctypes.c_uint(flags))
    return _checked(_libc.syscall(ctypes.c_long(_SYS_OPEN_TREE), *arguments), path)


def place_mount(fd: int, target: str) -> None:
    """Put a cloned mount at a place of the namespace we are in."""
    there = (ctypes.c_long(_AT_FDCWD), ctypes.c_char_p(os.fsencode(target)))
    what = (ctypes.c_long(fd), ctypes.c_char_p(b""))
    flags = ctypes.c_uint(_MOVE_FROM_EMPTY_PATH)
    _checked(_libc.syscall(ctypes.c_long(_SYS_MOVE_MOUNT), *what, *there, flags), target)


def exchange(one: str, other: str) -> None:
    """Let two names on one filesystem stand for each other's things, in one step."""
    here = ctypes.c_int(_AT_FDCWD)
    names = (here, os.fsencode(one), here, os.fsencode(other))
    _checked(_libc.renameat2(*names, ctypes.c_uint(_RENAME_EXCHANGE)), other)


def umount(target: str) -> None:
    """Take a mount off the tree at once; it ends when its last user does. A symlink is no mount."""
    _checked(_libc.umount2(os.fsencode(target), MNT_DETACH | UMOUNT_NOFOLLOW), target)


def open_in_root(root: int, path: str, flags: int, mode: int = 0) -> int:
    """Open ``path`` as if ``root`` were ``/``: no symlink and no ``..`` leads out of it.

    Where something was renamed or mounted meanwhile, anywhere on the machine, the kernel cannot tell whether a ``..`` did, and
    wants to be asked again.
    """
    give_up = time.monotonic() + _PATIENCE
    while True:
        try:
            return _open_in_root(root, path, flags, mode)
        except BlockingIOError:
            if time.monotonic() > give_up:
                raise
        time.sleep(_PAUSE)


def _open_in_root(root: int, path: str, flags: int, mode: int) -> int:
    how = struct.pack("QQQ", flags | os.O_CLOEXEC, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
    buffer = ctypes.create_string_buffer(how, len(how))
    return _checked(
        _libc.syscall(
            ctypes.c_long(_SYS_OPENAT2),
            ctypes.c_long(root),
            ctypes.c_char_p(os.fsencode(path)),
            buffer,
            ctypes.c_size_t(len(how)),
        ),
        path,
    )


def filesystem(fd: int) -> int:
    """The magic number of the filesystem that a descriptor is on."""
    found = ctypes.create_string_buffer(256)  # struct statfs, which begins with it
    _checked(_libc.fstatfs(ctypes.c_int(fd), found))
    return int(ctypes.c_ulong.from_buffer(found).value)


@contextlib.contextmanager
def making_files_as(owner: int) -> Iterator[None]:
    """Let what this thread makes belong to ``owner``; meanwhile it may write only what that may."""
    group, user = _libc.setfsgid(owner), _libc.setfsuid(owner)
    try:
        yield
    finally:
        _libc.setfsuid(user)
        _libc.setfsgid(group)


@contextlib.contextmanager
def inside_network(fd: int, home: int) -> Iterator[None]:
    """Be in the network namespace ``fd`` for a while, then in ``home`` again."""
    setns(fd, CLONE_NEWNET)
    try:
        yield
    finally:
        setns(home, CLONE_NEWNET)


def new_network(home: int) -> int:
    """The fd of a fresh network namespace; it lives as long as the fd or a process in it. Ends in ``home``."""
    unshare(CLONE_NEWNET)
    try:
        return os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        setns(home, CLONE_NEWNET)
