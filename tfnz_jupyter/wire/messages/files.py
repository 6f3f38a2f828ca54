"""Files and folders of a container. Their bytes ride on a stream, in the form of :mod:`tfnz_jupyter.wire.tree`."""

from __future__ import annotations

from .base import Answer, Asked


class PutFiles(Asked, frozen=True, tag="put-files"):
    """Write a file or folder, which comes on stream ``input``, to a path. Result: ``Done`` when all is written."""

    container: str
    path: bytes
    input: int


class FetchFiles(Asked, frozen=True, tag="fetch-files"):
    """Send a file or folder on stream ``output``. Result: ``Done`` after its last byte."""

    container: str
    path: bytes
    output: int


class ListFiles(Asked, frozen=True, tag="list-files"):
    """Send what is in a folder, and nothing of what is in that, on stream ``output``. Result: ``Done``."""

    container: str
    path: bytes
    output: int


class LookAtFile(Asked, frozen=True, tag="look-at-file"):
    """What is at a path; ``follow``: of what a symlink leads to. Result: ``FileState``."""

    container: str
    path: bytes
    follow: bool = True


class FileState(Answer, frozen=True, tag="file-state"):
    """``kind`` is file, folder, link or other; owners are the container's own ids; ``target`` is a symlink's."""

    kind: str
    mode: int
    size: int
    mtime_ns: int
    uid: int
    gid: int
    target: bytes = b""
