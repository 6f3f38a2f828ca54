"""The files of one container, whatever engine runs it: what put and fetch, pre-boot files and SFTP all go through.

Paths are the container's own, absolute or from its root; every symlink in them is followed *inside* the container, and none
leads out of it. Volumes mounted there are seen. Only regular files are opened: a planted device or pipe is ``EINVAL``.
Whatever is made belongs to the container's root.

Methods raise ``OSError`` as the system calls of the same names do (``errno`` and ``filename`` are set), and
``ContainerEnded`` once there is no container.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from dataclasses import dataclass


class Kind(enum.StrEnum):
    """What a name in a folder stands for."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"
    OTHER = "other"  # a pipe, socket or device: can be looked at, renamed and removed, never opened


@dataclass(frozen=True, slots=True)
class FileInfo:
    """What is known of a file without opening it. Owners are the container's own ids."""

    kind: Kind
    mode: int  # permission bits, 0 to 0o7777
    size: int  # bytes
    mtime_ns: int  # since the epoch
    atime_ns: int
    uid: int
    gid: int
    links: int = 1


@dataclass(frozen=True, slots=True)
class Change:
    """What to change of a file; None leaves it as it is."""

    mode: int | None = None
    size: int | None = None  # of a regular file: cut off, or filled with zeros
    mtime_ns: int | None = None
    atime_ns: int | None = None
    uid: int | None = None
    gid: int | None = None


class OpenFile(ABC):
    """One open regular file. Close it: an open file keeps its volume busy. Ends with its container."""

    @abstractmethod
    async def read(self, offset: int, size: int) -> bytes:
        """Up to ``size`` bytes from ``offset``; empty at the end of the file."""

    @abstractmethod
    async def write(self, offset: int, data: bytes) -> None:
        """All of ``data`` at ``offset`` (at the end, where it was opened with ``O_APPEND``)."""

    @abstractmethod
    async def stat(self) -> FileInfo:
        """As it is now."""

    @abstractmethod
    async def change(self, change: Change) -> None:
        """Change what is asked for."""

    @abstractmethod
    async def close(self) -> None:
        """Idempotent."""


class Files(ABC):
    """What an engine's ``files(container)`` returns. Methods may be called at once from any number of tasks."""

    @abstractmethod
    async def open(self, path: str, flags: int, mode: int = 0o644) -> OpenFile:
        """Open a regular file.

        ``flags`` are those of ``os.open``, of which access mode, ``O_CREAT``, ``O_EXCL``, ``O_TRUNC`` and ``O_APPEND``
        count. A file that is made gets exactly ``mode``; one that was there keeps its own.
        """

    @abstractmethod
    async def stat(self, path: str, *, follow: bool = True) -> FileInfo:
        """What is at a path; with ``follow=False`` of a symlink itself."""

    @abstractmethod
    async def list(self, path: str) -> list[tuple[str, FileInfo]]:
        """The names in a folder, sorted, and what they are, symlinks not followed. Names are ``os.fsdecode``'d."""

    @abstractmethod
    async def change(self, path: str, change: Change, *, follow: bool = True) -> None:
        """chmod, chown, truncate, utime, whatever is asked for."""

    @abstractmethod
    async def mkdir(self, path: str, mode: int = 0o755, *, parents: bool = False) -> None:
        """Make a folder. With ``parents``, those above it as well, and one that is there is fine."""

    @abstractmethod
    async def rmdir(self, path: str) -> None:
        """Remove an empty folder."""

    @abstractmethod
    async def remove(self, path: str) -> None:
        """Remove a file, a symlink (not what it points to), or what else is no folder."""

    @abstractmethod
    async def rename(self, old: str, new: str) -> None:
        """Give it another name, replacing what has that already, as rename(2) does."""

    @abstractmethod
    async def symlink(self, target: str, path: str) -> None:
        """Make a symlink at ``path``; ``target`` is any text."""

    @abstractmethod
    async def readlink(self, path: str) -> str:
        """The target of a symlink."""
