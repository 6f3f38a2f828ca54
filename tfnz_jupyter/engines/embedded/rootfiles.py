"""Files in a container's root, reached by descriptor from outside, whatever symlinks the image planted.

``root`` is an O_PATH descriptor of the merged overlay that the keeper handed over; it works although the mount is in the
keeper's namespace only. Every path is resolved by the kernel with ``RESOLVE_IN_ROOT``.
"""

from __future__ import annotations

import os
import stat

from ...errors import EngineFailed, UsageError
from .bundle import COVERED
from .syscalls import open_in_root

_MOST_TEXT = 4 << 20  # bytes of an image's /etc/passwd that we are ready to read


def check_path(path: str) -> str:
    """The path as it will be written.

    Raises:
        UsageError: it is not absolute, has ``..`` or NUL in it, names a folder, or would be hidden by a mount.
    """
    reason = ""
    parts = path.split("/")
    if not path.startswith("/"):
        reason = "must be absolute"
    elif "\0" in path:
        reason = "has a NUL in it"
    elif ".." in parts:
        reason = "has '..' in it"
    elif parts[-1] in ("", "."):
        reason = "names a folder, not a file"
    elif any(path == top or path.startswith(f"{top}/") for top in COVERED):
        reason = "would not be seen: the container gets a fresh /proc, /sys and /dev"
    if reason:
        raise UsageError(f"pre-boot file {path!r}: the path {reason}")
    return "/" + "/".join(part for part in parts if part not in ("", "."))


def write_file(root: int, path: str, content: bytes, owner: int) -> None:
    """Write a file, making the folders above it. All of it belongs to ``owner``; an existing file keeps its mode.

    Raises:
        UsageError: the path leads nowhere a file can be written (through a file, into a folder, a dangling symlink).
        EngineFailed: the disk is full, or the like.
    """
    path = check_path(path)
    try:
        _make_parents(root, path, owner)
        flags = os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK | os.O_NOCTTY
        fd = open_in_root(root, path, flags, 0o644)
    except OSError as error:
        raise UsageError(f"pre-boot file {path!r}: {error.strerror} in the image") from error
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise UsageError(f"pre-boot file {path!r}: something else than a file is there")
        os.ftruncate(fd, 0)
        view = memoryview(content)
        while view:
            view = view[os.write(fd, view) :]
        os.fchown(fd, owner, owner)
    except OSError as error:
        raise EngineFailed(f"writing pre-boot file {path!r}: {error.strerror}") from error
    finally:
        os.close(fd)


def _make_parents(root: int, path: str, owner: int) -> None:
    names = path.split("/")[1:-1]
    for depth in range(1, len(names) + 1):
        folder = "/" + "/".join(names[:depth])
        try:
            os.close(open_in_root(root, folder, os.O_PATH | os.O_DIRECTORY))
        except FileNotFoundError:
            above = open_in_root(root, folder.rpartition("/")[0] or "/", os.O_PATH | os.O_DIRECTORY)
            try:
                os.mkdir(names[depth - 1], 0o755, dir_fd=above)
                os.chown(names[depth - 1], owner, owner, dir_fd=above, follow_symlinks=False)
            finally:
                os.close(above)


def read_text(root: int, path: str) -> str:
    """A small text file of the image; empty where there is none. A planted device or pipe is no file."""
    try:
        fd = open_in_root(root, path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError:
        return ""
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return ""
        with open(fd, "rb", closefd=False) as file:
            return file.read(_MOST_TEXT).decode(errors="replace")
    finally:
        os.close(fd)
