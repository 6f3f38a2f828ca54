"""Files the user wants to be there before the first process starts: where they may go, and how they get there."""

from __future__ import annotations

import os

from ...errors import EngineFailed, UsageError
from .. import places
from .rootfiles import RootFiles


def write_file(files: RootFiles, path: str, content: bytes) -> None:
    """Write a file, making the folders above it. All of it belongs to root; an existing file keeps its mode.

    Raises:
        UsageError: the path leads nowhere a file can be written (through a file, into a folder, a dangling symlink).
        EngineFailed: the disk is full, or the like.
    """
    path = places.check_file(path)
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
