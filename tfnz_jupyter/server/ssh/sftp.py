"""SFTP on the engine's files: every path is the container's own, every deed is the engine's.

asyncssh's server works on the files of its own machine where nothing else is said, so everything is said here, each
method of it; ``tests/pure/test_sftp_is_complete.py`` fails when it grows another. Relative paths begin where the
container's command does.
"""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import AsyncIterator

import asyncssh

from ...engines.base import Engine
from ...engines.files import Change, FileInfo, Files, Kind, OpenFile
from ..containers import Container

_LARGEST_READ = 1024 * 1024
_UMASK = 0o022
#: How SFTP calls each kind, and the bits of its mode.
_TYPES = {
    Kind.FILE: (asyncssh.FILEXFER_TYPE_REGULAR, stat.S_IFREG),
    Kind.FOLDER: (asyncssh.FILEXFER_TYPE_DIRECTORY, stat.S_IFDIR),
    Kind.LINK: (asyncssh.FILEXFER_TYPE_SYMLINK, stat.S_IFLNK),
    Kind.OTHER: (asyncssh.FILEXFER_TYPE_SPECIAL, stat.S_IFIFO),
}
_SECOND = 1_000_000_000


class Sftp(asyncssh.SFTPServer):
    """One client's SFTP session."""

    def __init__(
        self, container: Container, engine: Engine, chan: asyncssh.SSHServerChannel[bytes]
    ) -> None:
        super().__init__(chan)
        self._container, self._engine = container, engine

    # -- files ---------------------------------------------------------------------------------------------------------

    async def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> OpenFile:
        mode = (0o666 if attrs.permissions is None else attrs.permissions & 0o7777) & ~_UMASK
        return await self._files().open(self._path(path), _flags(pflags), mode)

    async def open56(
        self, path: bytes, desired_access: int, flags: int, attrs: asyncssh.SFTPAttrs
    ) -> OpenFile:
        raise asyncssh.SFTPOpUnsupported("this server speaks version 3")

    async def close(self, file_obj: object) -> None:
        await _file(file_obj).close()

    async def read(self, file_obj: object, offset: int, size: int) -> bytes:
        return await _file(file_obj).read(offset, min(size, _LARGEST_READ))

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        await _file(file_obj).write(offset, data)
        return len(data)

    async def fstat(self, file_obj: object) -> asyncssh.SFTPAttrs:
        return _attrs(await _file(file_obj).stat())

    async def fsetstat(self, file_obj: object, attrs: asyncssh.SFTPAttrs) -> None:
        await _file(file_obj).change(_change(attrs))

    async def fsync(self, file_obj: object) -> None:
        raise asyncssh.SFTPOpUnsupported("what is written is not forced to disk")

    async def fstatvfs(self, file_obj: object) -> asyncssh.SFTPVFSAttrs:
        raise asyncssh.SFTPOpUnsupported("how full a container's disk is, is not told")

    async def lock(self, file_obj: object, offset: int, length: int, flags: int) -> None:
        raise asyncssh.SFTPOpUnsupported("files are not locked")

    async def unlock(self, file_obj: object, offset: int, length: int) -> None:
        raise asyncssh.SFTPOpUnsupported("files are not locked")

    # -- paths ---------------------------------------------------------------------------------------------------------

    async def stat(self, path: bytes) -> asyncssh.SFTPAttrs:
        return _attrs(await self._files().stat(self._path(path)))

    async def lstat(self, path: bytes) -> asyncssh.SFTPAttrs:
        return _attrs(await self._files().stat(self._path(path), follow=False))

    async def setstat(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        await self._files().change(self._path(path), _change(attrs))

    async def lsetstat(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        await self._files().change(self._path(path), _change(attrs), follow=False)

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        folder = self._path(path)
        own = await self._files().stat(folder)
        for name, found in [(".", own), ("..", own), *await self._files().list(folder)]:
            yield asyncssh.SFTPName(os.fsencode(name), attrs=_attrs(found))

    async def listdir(self, path: bytes) -> list[bytes]:
        return [os.fsencode(name) for name, _ in await self._files().list(self._path(path))]

    async def mkdir(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        mode = (0o777 if attrs.permissions is None else attrs.permissions & 0o7777) & ~_UMASK
        await self._files().mkdir(self._path(path), mode)

    async def rmdir(self, path: bytes) -> None:
        await self._files().rmdir(self._path(path))

    async def remove(self, path: bytes) -> None:
        await self._files().remove(self._path(path))

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        """As the protocol says: never onto what is there."""
        try:
            await self._files().stat(self._path(newpath), follow=False)
        except FileNotFoundError:
            return await self.posix_rename(oldpath, newpath)
        raise asyncssh.SFTPFileAlreadyExists("there is something of that name")

    async def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        await self._files().rename(self._path(oldpath), self._path(newpath))

    async def readlink(self, path: bytes) -> bytes:
        return os.fsencode(await self._files().readlink(self._path(path)))

    async def symlink(self, oldpath: bytes, newpath: bytes) -> None:
        await self._files().symlink(os.fsdecode(oldpath), self._path(newpath))

    async def link(self, oldpath: bytes, newpath: bytes) -> None:
        raise asyncssh.SFTPOpUnsupported("hard links are made inside the container: ln")

    async def statvfs(self, path: bytes) -> asyncssh.SFTPVFSAttrs:
        raise asyncssh.SFTPOpUnsupported("how full a container's disk is, is not told")

    def realpath(self, path: bytes) -> bytes:
        return os.fsencode(self._path(path))

    def map_path(self, path: bytes) -> bytes:
        return self.realpath(path)

    def reverse_map_path(self, path: bytes) -> bytes:
        return path

    def exit(self) -> None:
        """The client is done: that is a success, and scp wants to hear it."""
        if self.channel.get_subsystem() == "sftp":
            self.channel.exit(0)

    # -- names of people are the container's, not this machine's ---------------------------------------------------------

    def format_user(self, uid: int | None) -> str:
        return "" if uid is None else str(uid)

    def format_group(self, gid: int | None) -> str:
        return self.format_user(gid)

    def _files(self) -> Files:
        return self._engine.files(self._container.id)

    def _path(self, path: bytes) -> str:
        spec = self._container.spec
        start = spec.cwd if spec is not None else "/"
        return posixpath.normpath(posixpath.join("/", start, os.fsdecode(path)))


def _file(file_obj: object) -> OpenFile:
    assert isinstance(file_obj, OpenFile)
    return file_obj


def _flags(pflags: int) -> int:
    """Those of ``os.open``, from those of SFTP version 3."""
    reading, writing = pflags & asyncssh.FXF_READ, pflags & asyncssh.FXF_WRITE
    flags = os.O_RDWR if reading and writing else os.O_WRONLY if writing else os.O_RDONLY
    for theirs, ours in (
        (asyncssh.FXF_APPEND, os.O_APPEND),
        (asyncssh.FXF_CREAT, os.O_CREAT),
        (asyncssh.FXF_TRUNC, os.O_TRUNC),
        (asyncssh.FXF_EXCL, os.O_EXCL),
    ):
        flags |= ours if pflags & theirs else 0
    return flags


def _attrs(found: FileInfo) -> asyncssh.SFTPAttrs:
    kind, bits = _TYPES[found.kind]
    return asyncssh.SFTPAttrs(
        type=kind,
        size=found.size,
        uid=found.uid,
        gid=found.gid,
        permissions=bits | found.mode,
        atime=found.atime_ns // _SECOND,
        mtime=found.mtime_ns // _SECOND,
        nlink=found.links,
    )


def _change(attrs: asyncssh.SFTPAttrs) -> Change:
    return Change(
        mode=None if attrs.permissions is None else attrs.permissions & 0o7777,
        size=attrs.size,
        mtime_ns=None if attrs.mtime is None else attrs.mtime * _SECOND + (attrs.mtime_ns or 0),
        atime_ns=None if attrs.atime is None else attrs.atime * _SECOND + (attrs.atime_ns or 0),
        uid=attrs.uid,
        gid=attrs.gid,
    )
