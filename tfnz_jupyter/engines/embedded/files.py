"""A live container's files: each deed on a thread, through a descriptor of what the container sees as ``/`` just then."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ..files import Change, FileInfo, Files, OpenFile
from ..threads import Threads
from .rootfiles import RootFiles

T = TypeVar("T")


class EmbeddedFiles(Files):
    """See :class:`~tfnz_jupyter.engines.files.Files`.

    Args:
        root: gives a descriptor of the root, ours to close; raises ``ContainerEnded``.
        first_id: host id of the container's root.
        threads: where the work is done.
        opened: keeps count of open files.
    """

    def __init__(
        self, root: Callable[[], Awaitable[int]], first_id: int, threads: Threads,
        opened: Opened,
    ) -> None:  # fmt: skip
        self._root, self._first_id, self._threads = root, first_id, threads
        self._opened = opened

    async def _do(self, deed: Callable[[RootFiles], T]) -> T:
        root = await self._root()
        try:
            return await self._threads.run(lambda: deed(RootFiles(root, self._first_id)))
        finally:
            os.close(root)

    async def open(self, path: str, flags: int, mode: int = 0o644) -> OpenFile:
        made: list[int] = []
        try:
            await self._do(lambda files: made.append(files.open(path, flags, mode)))
        except asyncio.CancelledError:
            for fd in made:
                os.close(fd)
            raise
        file = EmbeddedOpenFile(made[0], self._first_id, self._threads, self._opened)
        await self._opened.add(file)
        return file

    async def stat(self, path: str, *, follow: bool = True) -> FileInfo:
        return await self._do(lambda files: files.stat(path, follow))

    async def list(self, path: str) -> list[tuple[str, FileInfo]]:
        return await self._do(lambda files: files.list(path))

    async def change(self, path: str, change: Change, *, follow: bool = True) -> None:
        await self._do(lambda files: files.change(path, change, follow))

    async def mkdir(self, path: str, mode: int = 0o755, *, parents: bool = False) -> None:
        await self._do(lambda files: files.mkdir(path, mode, parents))

    async def rmdir(self, path: str) -> None:
        await self._do(lambda files: files.rmdir(path))

    async def remove(self, path: str) -> None:
        await self._do(lambda files: files.remove(path))

    async def rename(self, old: str, new: str) -> None:
        await self._do(lambda files: files.rename(old, new))

    async def symlink(self, target: str, path: str) -> None:
        await self._do(lambda files: files.symlink(target, path))

    async def readlink(self, path: str) -> str:
        return await self._do(lambda files: files.readlink(path))


class Opened:
    """The files of one container that are open; they are closed with it."""

    def __init__(self) -> None:
        self._files: set[EmbeddedOpenFile] = set()
        self._over = False

    async def add(self, file: EmbeddedOpenFile) -> None:
        """Count it in; one that comes too late is closed at once."""
        self._files.add(file)
        if self._over:
            await file.close()

    def remove(self, file: EmbeddedOpenFile) -> None:
        self._files.discard(file)

    async def close(self) -> None:
        self._over = True
        for file in list(self._files):
            await file.close()


class EmbeddedOpenFile(OpenFile):
    """See :class:`~tfnz_jupyter.engines.files.OpenFile`. One deed at a time; closing waits for it."""

    def __init__(self, fd: int, first_id: int, threads: Threads, opened: Opened) -> None:
        self._fd, self._files, self._threads = fd, RootFiles(-1, first_id), threads
        self._opened = opened
        self._busy = asyncio.Lock()

    async def _do(self, deed: Callable[[int], T]) -> T:
        async with self._busy:
            if self._fd < 0:
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))
            return await self._threads.run(lambda: deed(self._fd))

    async def read(self, offset: int, size: int) -> bytes:
        return await self._do(lambda fd: os.pread(fd, size, offset))

    async def write(self, offset: int, data: bytes) -> None:
        await self._do(lambda fd: _write(fd, offset, data))

    async def stat(self) -> FileInfo:
        return await self._do(lambda fd: self._files.info(os.fstat(fd)))

    async def change(self, change: Change) -> None:
        await self._do(lambda fd: self._files.apply(fd, change))

    async def close(self) -> None:
        async with self._busy:
            self._opened.remove(self)
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1


def _write(fd: int, offset: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        size = os.pwrite(fd, view, offset)
        view, offset = view[size:], offset + size
