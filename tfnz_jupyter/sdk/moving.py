"""Files into a container and out of it."""

from __future__ import annotations

import asyncio
import itertools
import os
import posixpath
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ..blocking import verb
from ..errors import Ended, ProtocolError, UsageError
from ..wire import messages as m
from ..wire.codec import Bulk
from ..wire.streams import CHUNK
from ..wire.tree import FILE, FOLDER, Entry, TreeReader
from . import asking, trees
from .living import Living
from .meter import Meter
from .streams import Inflow
from .worker import Worker

#: Told how far something is.
Report = Callable[[m.Progressed], object]
#: Takes some more of a stream, and is waited for.
Take = Callable[[list[Bulk]], Awaitable[None]]
#: So many messages are made with one turn of the worker's thread.
_AT_ONCE = 4


class Writable(Protocol):
    """Anything with ``write(bytes)``."""

    def write(self, data: bytes, /) -> object: ...


@dataclass(frozen=True, slots=True)
class FileInfo:
    """What is known of a file of a container without opening it."""

    name: str
    kind: str  # file, folder, link or other
    size: int  # bytes
    mode: int  # permission bits
    mtime: float  # seconds since the epoch
    uid: int  # the container's own ids
    gid: int
    target: str = ""  # of a link


class Moving(Living):
    """The part of a container that files are put into and fetched from."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._disk = Worker(f"files-{self.uuid[:8]}")

    @verb
    async def put(
        self,
        path: str,
        data: bytes | str | Path | trees.Readable,
        *,
        progress: Report | None = None,
    ) -> None:
        """Write a file or a whole folder into the container.

        Everything is owned by root; folders above ``path`` are made; a file that is there is overwritten, a folder that
        is there keeps what is not. Nothing is held in memory as a whole: any size is fine.

        Args:
            path: where it goes; with a ``/`` at its end, the folder to put a file of this machine into.
            data: the content (text becomes UTF-8); or the ``Path`` of a file or folder of this machine, which keeps
                modes and times; or anything with ``read(size)``.
            progress: told how far it is (``step``, ``text``, ``done`` of ``total`` bytes), off the loop.

        Raises:
            NoSuchFile: there is no such file on this machine.
            FileFailed: it cannot be written, or read; the reason is the kernel's.
            ContainerEnded: it is over.
        """
        records, target = _records(data, asking.file_path(path))
        await self._running()
        outgoing = self._connection.write()
        call = asyncio.ensure_future(
            self._connection.call(m.PutFiles(self.uuid, target, outgoing.stream))
        )
        call.add_done_callback(lambda _: outgoing.close())
        try:
            meter = await self._meter(progress, "put", path, lambda: _size(data))
            await self._send(records, outgoing.write, meter)
            outgoing.finish()
            await call
            meter.finish()
        except Ended:
            await call  # it stopped reading because it failed, and says why
            raise
        finally:
            self._disk.post(records.close)
            call.cancel()
            self._connection.forget(outgoing)

    async def _send(self, records: Any, write: Callable[[bytes], Any], meter: Meter) -> None:
        while pieces := await self._disk.do(lambda: gathered(records)):
            for piece in pieces:
                await write(piece)
                meter.add(len(piece))

    async def _meter(
        self, progress: Report | None, step: str, path: str, size: Callable[[], int | None]
    ) -> Meter:
        """What tells a user's callback, if there is one, how far it is."""
        if progress is None:
            return Meter(lambda _: None, step, path, None)
        context = asking.context()
        total = await self._disk.do(size)
        return Meter(lambda news: self._callbacks.post(context, progress, news), step, path, total)

    @verb
    async def fetch(
        self,
        path: str,
        to: str | Path | Writable | None = None,
        *,
        progress: Report | None = None,
    ) -> Any:
        """Read a file or a whole folder of the container.

        Args:
            to: where it goes on this machine: a path (a file goes into a folder that is there, under its own name), or
                anything with ``write(bytes)``. Modes and times are kept, setuid bits are not.
            progress: told how far it is, as that of :meth:`put`; of a folder nobody knows the total.

        Returns:
            The content of a file, or, where ``to`` was given, the ``Path`` it is at now.

        Raises:
            NoSuchFile: there is nothing at that path.
            UsageError: it is a folder, and ``to`` is no path.
            FileFailed: it cannot be read, or not be written here; the reason is the kernel's.
            ContainerEnded: it is over.
        """
        target = asking.file_path(path)
        await self._running()
        meter = await self._meter(progress, "get", path, lambda: None)
        if to is None:
            pieces: list[memoryview] = []
            keep = _One(path, pieces.append)

            async def take(chunks: list[Bulk]) -> None:
                keep.take(chunks)

            await self._fetch(target, take, meter)
            return b"".join(pieces)
        if not isinstance(to, str | os.PathLike):
            write = to.write
            await self._fetch(
                target, self._off_the_loop(_One(path, lambda piece: write(bytes(piece)))), meter
            )
            return to
        receiver = trees.LocalReceiver(Path(to), posixpath.basename(path.rstrip("/")) or "root")
        try:
            await self._fetch(target, self._off_the_loop(receiver), meter)
            return await self._disk.do(receiver.finish)
        finally:
            self._disk.post(receiver.abandon)

    def _off_the_loop(self, taker: _One | trees.LocalReceiver) -> Take:
        return lambda chunks: self._disk.do(lambda: taker.take(chunks))

    async def _fetch(self, path: bytes, take: Take, meter: Meter) -> None:
        async def deliver(chunks: list[Bulk]) -> None:
            await take(chunks)
            meter.add(sum(map(len, chunks)))

        number = self._connection.number()
        await self._receive(m.FetchFiles(self.uuid, path, number), number, deliver)
        meter.finish()

    @verb
    async def list_files(self, path: str = "/") -> list[FileInfo]:
        """What is in a folder of the container, by name.

        Raises:
            NoSuchFile: there is no such folder.
            FileFailed: it is no folder.
            ContainerEnded: it is over.
        """
        target = asking.file_path(path)
        await self._running()
        reader = TreeReader()
        found: list[FileInfo] = []

        async def take(chunks: list[Bulk]) -> None:
            read = itertools.chain.from_iterable(map(reader.feed, chunks))
            found.extend(_info(e) for e in read if isinstance(e, Entry))

        number = self._connection.number()
        await self._receive(m.ListFiles(self.uuid, target, number), number, take)
        return found

    @verb
    async def file_info(self, path: str, *, follow: bool = True) -> FileInfo:
        """What is at a path of the container; with ``follow=False`` of a symlink itself.

        Raises:
            NoSuchFile: there is nothing.
            ContainerEnded: it is over.
        """
        target = asking.file_path(path)
        await self._running()
        s = await self._connection.call(m.LookAtFile(self.uuid, target, follow))
        assert isinstance(s, m.FileState)
        name = posixpath.basename(path.rstrip("/")) or "/"
        return FileInfo(name, s.kind, s.size, s.mode, s.mtime_ns / 1e9, s.uid, s.gid, os.fsdecode(s.target))  # fmt: skip

    async def _receive(self, verb: m.FetchFiles | m.ListFiles, number: int, take: Take) -> None:
        """Ask for a stream and take it to its end; then what the location says of it."""
        inflow = Inflow(number, self._connection.tell)
        self._connection.read(inflow.incoming)
        call = asyncio.ensure_future(self._connection.call(verb))
        call.add_done_callback(lambda _: inflow.end())
        try:
            while chunks := await inflow.read_all():
                await take(chunks)
            await call
        finally:
            call.cancel()
            self._connection.drop(number)


class _One:
    """Takes a tree of a single file, and gives its content on."""

    def __init__(self, path: str, write: Callable[[memoryview], object]) -> None:
        self._path, self._write = path, write
        self._reader = TreeReader()

    def take(self, chunks: list[Bulk]) -> None:
        for found in itertools.chain.from_iterable(map(self._reader.feed, chunks)):
            if not isinstance(found, Entry):
                self._write(found)
            elif found.kind != FILE or found.path:
                raise _not_one_file(self._path, found.kind)


def _not_one_file(path: str, kind: str) -> UsageError:
    if kind == FOLDER:
        hint = "Give fetch a folder of this machine as to=."
        return UsageError(f"{path!r} is a folder, not a file", hint=hint)
    return UsageError(f"{path!r} is neither a file nor a folder")


def _records(data: Any, path: bytes) -> tuple[Any, bytes]:
    """The records of what is to be put, and where exactly."""
    if isinstance(data, os.PathLike):
        local = Path(data)
        inside = path.endswith(b"/") and not local.is_dir()
        return trees.of_path(local), path + os.fsencode(local.name) if inside else path
    if path.endswith(b"/"):
        raise UsageError(f"{os.fsdecode(path)!r} names a folder, not a file")
    if isinstance(data, str):
        data = data.encode()
    if isinstance(data, bytes | bytearray | memoryview):
        return trees.of_bytes(bytes(data)), path
    if hasattr(data, "read"):
        return trees.of_stream(data), path
    raise UsageError(
        f"put: {type(data).__name__} is no content",
        hint="Give bytes, text, a pathlib.Path, or something with read().",
    )


def _size(data: Any) -> int | None:
    """Bytes of what is to be put, where that is known. Blocks."""
    if isinstance(data, os.PathLike):
        return trees.size_of(Path(data))
    return len(data) if isinstance(data, bytes | bytearray | memoryview | str) else None


def gathered(records: Iterator[bytes]) -> list[bytes]:
    """Some messages at once, none at the end; small records share one, so that small files do not travel one by one."""
    messages = iter(lambda: _message(records), b"")
    return list(itertools.islice(messages, _AT_ONCE))


def _message(records: Iterator[bytes]) -> bytes:
    pieces, size = [], 0
    while size < CHUNK // 2 and (record := next(records, None)):
        pieces.append(record)
        size += len(record)
    return b"".join(pieces)


def _info(e: Entry) -> FileInfo:
    if e.mode is None or e.mtime_ns is None:
        raise ProtocolError("a list of files without modes or times")
    name, target = os.fsdecode(e.path), os.fsdecode(e.target)
    return FileInfo(name, e.kind, e.size, e.mode, e.mtime_ns / 1e9, e.uid, e.gid, target)
