"""Files the user wants to be there before the first process starts: where they may go, and how they get there."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ...errors import EngineFailed, UsageError
from .bundle import COVERED
from .rootfiles import RootFiles


def check_path(path: str, mounts: Sequence[str] = ()) -> str:
    """The path as it will be written.

    Args:
        mounts: where volumes will be.

    Raises:
        UsageError: it is not absolute, has ``..`` or NUL in it, names a folder, or would be hidden by a mount.
    """
    reason = ""
    parts = path.split("/")
    clean = "/" + "/".join(part for part in parts if part not in ("", "."))
    if not path.startswith("/"):
        reason = "must be absolute"
    elif "\0" in path:
        reason = "has a NUL in it"
    elif ".." in parts:
        reason = "has '..' in it"
    elif parts[-1] in ("", "."):
        reason = "names a folder, not a file"
    elif _below(clean, COVERED):
        reason = "would not be seen: the container gets a fresh /proc, /sys and /dev"
    elif _below(clean, mounts):
        reason = "would not be seen: a volume is mounted over it"
    if reason:
        raise UsageError(f"pre-boot file {path!r}: the path {reason}")
    return clean


def _below(path: str, tops: Sequence[str]) -> bool:
    return any(path == top or path.startswith(f"{top}/") for top in tops)


def write_file(files: RootFiles, path: str, content: bytes) -> None:
    """Write a file, making the folders above it. All of it belongs to root; an existing file keeps its mode.

    Raises:
        UsageError: the path leads nowhere a file can be written (through a file, into a folder, a dangling symlink).
        EngineFailed: the disk is full, or the like.
    """
    path = check_path(path)
    try:
        files.make_parents(path)
        fd = files.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    except OSError as error:
        raise UsageError(f"pre-boot file {path!r}: {error.strerror} in the image") from error
    try:
        with open(fd, "wb", buffering=0) as file:
            view = memoryview(content)
            while view:
                view = view[file.write(view) :]
            files.own(fd)
    except OSError as error:
        raise EngineFailed(f"writing pre-boot file {path!r}: {error.strerror}") from error
