"""A running container is shown another folder where a volume is mounted: by a child of the keeper that steps into its
mount namespace, the only way to change what is mounted there.

The container may have moved or replaced what leads to the place: nothing is taken down but the very mount we expect.
"""

from __future__ import annotations

import errno
import os
import posixpath

from .syscalls import CLONE_NEWNS, clone_mount, open_in_root, place_mount, setns, umount

Identity = tuple[int, int]  # device and inode


def identity(found: os.stat_result) -> Identity:
    """What tells one folder from every other."""
    return found.st_dev, found.st_ino


def show(pid: int, staged: str, place: str, former: Identity) -> None:
    """Mount what is mounted at ``staged`` here, at ``place`` in the container of ``pid``, instead of ``former``.

    Raises:
        OSError: ``former`` is not mounted at that place (any more).
    """
    tree = clone_mount(staged)
    try:
        namespace = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _in_a_child(namespace, tree, place, former)
        finally:
            os.close(namespace)
    finally:
        os.close(tree)


def _in_a_child(namespace: int, tree: int, place: str, former: Identity) -> None:
    child = os.fork()
    if child == 0:
        code = 255
        try:
            setns(namespace, CLONE_NEWNS)  # "/" is the container's now
            _replace(tree, place, former)
            code = 0
        except OSError as error:
            code = error.errno or code
        finally:
            os._exit(code)
    _pid, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code:
        raise OSError(abs(code), os.strerror(abs(code)), place)


def _replace(tree: int, place: str, former: Identity) -> None:
    folder, name = posixpath.split(place.rstrip("/"))
    root = os.open("/", os.O_PATH | os.O_DIRECTORY)
    os.fchdir(open_in_root(root, folder, os.O_PATH | os.O_DIRECTORY))
    if identity(os.stat(name, follow_symlinks=False)) != former:
        raise OSError(errno.ENOTDIR, "another folder is there")
    umount(name)
    place_mount(tree, name)
