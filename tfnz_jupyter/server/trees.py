"""Files and folders between a container and a stream: one walk, one file open at a time, whatever the size."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import posixpath
from collections.abc import Awaitable, Callable

from ..engines.files import Change, FileInfo, Files, Kind, OpenFile
from ..errors import ContainerEnded
from ..wire.codec import Bulk
from ..wire.streams import CHUNK
from ..wire.tree import Entry, TreeReader, data_record, entry_record

Write = Callable[[bytes], Awaitable[None]]
#: Gives all that has come since, and nothing at the end.
Read = Callable[[], Awaitable[list[Bulk]]]

#: What the kernel makes up is not copied with what lies around it.
_UNREAL = ("/proc", "/sys", "/dev")
#: What a file had before is written over and cut off at the end: of a file that was emptied first, btrfs writes all out when
#: it is closed, which takes longer than all the rest.
_MAKE = os.O_WRONLY | os.O_CREAT
_FULL = (errno.ENOSPC, errno.EDQUOT)
#: What is read from a file at once.
_AT_ONCE = 4 * CHUNK


async def send(files: Files, path: str, write: Write) -> None:
    """Send what is at a path; of a folder, all that is below. What vanishes meanwhile is left out.

    Raises:
        OSError: there is nothing at the path, or it cannot be read.
    """
    todo = [("", await files.stat(path))]
    while todo:
        name, info = todo.pop()
        with contextlib.suppress(*((FileNotFoundError,) if name else ())):
            await _send(files, path, name, info, write)
            if info.kind is Kind.FOLDER and not (name and _is_unreal(_join(path, name))):
                inside = await files.list(_join(path, name))
                todo += [(_join(name, below), found) for below, found in reversed(inside)]


async def _send(files: Files, top: str, name: str, info: FileInfo, write: Write) -> None:
    path = _join(top, name)
    if info.kind is not Kind.FILE:
        await write(entry_record(await _entry(files, path, name, info)))
        return
    file = await files.open(path, os.O_RDONLY)
    try:
        await write(entry_record(await _entry(files, path, name, info)))
        offset = 0
        while data := memoryview(await file.read(offset, _AT_ONCE)):
            offset += len(data)
            for start in range(0, len(data), CHUNK):
                await write(data_record(data[start : start + CHUNK]))
    finally:
        await file.close()


async def send_names(files: Files, path: str, write: Write) -> None:
    """Send what is in a folder, without contents."""
    for name, info in await files.list(path):
        with contextlib.suppress(FileNotFoundError):
            await write(entry_record(await _entry(files, _join(path, name), name, info)))


async def _entry(files: Files, path: str, name: str, info: FileInfo) -> Entry:
    target = await files.readlink(path) if info.kind is Kind.LINK else ""
    return Entry(
        path=os.fsencode(name),
        kind=info.kind.value,
        mode=info.mode,
        mtime_ns=info.mtime_ns,
        target=os.fsencode(target),
        size=info.size,
        uid=info.uid,
        gid=info.gid,
    )


class Receiver:
    """Writes a tree that comes in pieces. All of it belongs to root, and keeps modes and times where they are said.

    Args:
        top: where the tree's own first entry goes; folders above it are made.
    """

    def __init__(self, files: Files, top: str) -> None:
        self._files, self._top = files, top
        self._reader = TreeReader()
        self._file: OpenFile | None = None
        self._entry: Entry | None = None
        self._offset = 0
        self._pieces: list[memoryview] = []  # of the file, still to be written
        self._folders: list[tuple[str, Change]] = []  # to be finished when all is in them

    async def receive(self, read: Read) -> None:
        """Take in the whole stream.

        Raises:
            OSError: a file could not be written; those before it have been.
            ProtocolError: it is no tree.
        """
        try:
            while chunks := await read():
                for found in itertools.chain.from_iterable(map(self._reader.feed, chunks)):
                    if isinstance(found, Entry):
                        await self._begin(found)
                    else:
                        self._pieces.append(found)
                await self._write()
            self._reader.end()
            await self._finish_file()
            for path, change in reversed(self._folders):
                await self._files.change(path, change)
        finally:
            if self._file is not None:  # it failed: nothing of what was there before is left
                with contextlib.suppress(OSError, ContainerEnded):
                    await self._file.change(Change(size=self._offset))
                await self._file.close()

    async def _write(self) -> None:
        """Write what has come of the file, all at once: each deed costs more than some copying."""
        if self._file is None or not self._pieces:
            return
        data = b"".join(self._pieces)
        self._pieces.clear()
        try:
            await self._file.write(self._offset, data)
        except OSError as problem:
            if problem.errno not in _FULL:
                raise
            await self._file.change(Change(size=self._offset))  # what was there before may go first
            await self._file.write(self._offset, data)
        self._offset += len(data)

    async def _begin(self, entry: Entry) -> None:
        await self._finish_file()
        path = _join(self._top, os.fsdecode(entry.path))
        if not entry.path:
            await self._make_parents(path)
        match entry.kind:
            case "file":
                self._file = await self._files.open(path, _MAKE)
                self._entry, self._offset = entry, 0
            case "folder":
                await self._files.mkdir(
                    path, 0o700 if entry.mode is None else entry.mode, parents=True
                )
                self._folders.append((path, _change(entry)))
            case "link":
                await self._link(path, entry)

    async def _make_parents(self, path: str) -> None:
        above = path.rstrip("/").rpartition("/")[0]
        if above:
            await self._files.mkdir(above, parents=True)

    async def _link(self, path: str, entry: Entry) -> None:
        with contextlib.suppress(FileNotFoundError):
            await self._files.remove(path)
        await self._files.symlink(os.fsdecode(entry.target), path)
        if entry.mtime_ns is not None:
            change = Change(mtime_ns=entry.mtime_ns, atime_ns=entry.mtime_ns)
            await self._files.change(path, change, follow=False)

    async def _finish_file(self) -> None:
        await self._write()
        if self._file is not None and self._entry is not None:
            await self._file.change(_change(self._entry, self._offset))
            await self._file.close()
        self._file = self._entry = None


def _change(entry: Entry, size: int | None = None) -> Change:
    return Change(entry.mode, size, entry.mtime_ns, entry.mtime_ns, 0, 0)


def _is_unreal(path: str) -> bool:
    return posixpath.normpath("/" + path.lstrip("/")) in _UNREAL


def _join(folder: str, name: str) -> str:
    return f"{folder.rstrip('/')}/{name}" if folder and name else folder or name
