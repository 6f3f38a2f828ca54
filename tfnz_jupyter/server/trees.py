"""Files and folders between a container and a stream: one walk, one file open at a time, whatever the size."""

from __future__ import annotations

import contextlib
import os
import posixpath
from collections.abc import Awaitable, Callable

from ..engines.files import Change, FileInfo, Files, Kind, OpenFile
from ..wire.streams import CHUNK
from ..wire.tree import Entry, TreeReader, data_record, entry_record

Write = Callable[[bytes], Awaitable[None]]
Read = Callable[[], Awaitable[bytes | None]]

#: What the kernel makes up is not copied with what lies around it.
_UNREAL = ("/proc", "/sys", "/dev")
_MAKE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC


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
        while data := await file.read(offset, CHUNK):
            offset += len(data)
            await write(data_record(data))
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
        self._folders: list[tuple[str, Change]] = []  # to be finished when all is in them

    async def receive(self, read: Read) -> None:
        """Take in the whole stream.

        Raises:
            OSError: a file could not be written; those before it have been.
            ProtocolError: it is no tree.
        """
        try:
            while (data := await read()) is not None:
                for found in self._reader.feed(data):
                    await (self._write(found) if isinstance(found, bytes) else self._begin(found))
            self._reader.end()
            await self._finish_file()
            for path, change in reversed(self._folders):
                await self._files.change(path, change)
        finally:
            if self._file is not None:
                await self._file.close()

    async def _write(self, data: bytes) -> None:
        assert self._file is not None
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
        if self._file is not None and self._entry is not None:
            await self._file.change(_change(self._entry))
            await self._file.close()
        self._file = self._entry = None


def _change(entry: Entry) -> Change:
    return Change(entry.mode, None, entry.mtime_ns, entry.mtime_ns, 0, 0)


def _is_unreal(path: str) -> bool:
    return posixpath.normpath("/" + path.lstrip("/")) in _UNREAL


def _join(folder: str, name: str) -> str:
    return f"{folder.rstrip('/')}/{name}" if folder and name else folder or name
