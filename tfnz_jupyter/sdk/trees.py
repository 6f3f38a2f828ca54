"""Files and folders of this machine as the records of a tree, and back. Blocks: it runs on a worker's thread.

What comes from a container is not trusted: nothing in it is written outside the folder it was fetched to, no symlink in
it is followed, and setuid bits are dropped.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from ..errors import FileFailed, NoSuchFile, ProtocolError
from ..wire.codec import Bulk
from ..wire.streams import CHUNK
from ..wire.tree import FILE, FOLDER, LINK, Entry, TreeReader, data_record, entry_record

log = logging.getLogger(__name__)


class Readable(Protocol):
    """Anything with ``read(size)`` that gives bytes, and none at its end."""

    def read(self, size: int, /) -> bytes: ...


def of_bytes(data: bytes) -> Iterator[bytes]:
    """One file with that content; mode and time are left to the receiver."""
    yield entry_record(Entry(b"", FILE))
    view = memoryview(data)
    for start in range(0, len(data), CHUNK):
        yield data_record(view[start : start + CHUNK])


def of_stream(source: Readable) -> Iterator[bytes]:
    """One file with what a stream gives."""
    yield entry_record(Entry(b"", FILE))
    while data := source.read(CHUNK):
        yield data_record(data)


def of_path(path: Path) -> Iterator[bytes]:
    """A file or folder as it is, with modes and times; symlinks below it stay symlinks.

    Raises:
        NoSuchFile, FileFailed: it is not there, or cannot be read.
    """
    with failures(path):
        todo = [(b"", os.fsencode(os.path.realpath(path, strict=True)))]
        while todo:
            name, here = todo.pop()
            yield from record(name, here)
            if stat.S_ISDIR(os.lstat(here).st_mode):
                inside = sorted(os.listdir(here), reverse=True)
                todo += [(os.path.join(name, below), os.path.join(here, below)) for below in inside]


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files of a folder, as far as they can be looked at. Blocks."""
    if not path.is_dir():
        return path.stat().st_size if path.exists() else 0
    found = 0
    for folder, _folders, names in os.walk(path):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                looked = os.lstat(os.path.join(folder, name))
                found += looked.st_size * stat.S_ISREG(looked.st_mode)
    return found


def record(name: bytes, path: bytes) -> Iterator[bytes]:
    """One file, folder or link of this machine under a name; of what is none of these, nothing. Raises ``OSError``."""
    found = os.lstat(path)
    kind = {stat.S_IFREG: FILE, stat.S_IFDIR: FOLDER, stat.S_IFLNK: LINK}.get(
        stat.S_IFMT(found.st_mode)
    )
    if kind is None:
        if not name:
            raise FileFailed(f"{os.fsdecode(path)} is neither a file nor a folder")
        log.warning("%s is left out: neither a file nor a folder", os.fsdecode(path))
        return
    target = os.readlink(path) if kind == LINK else b""
    yield entry_record(
        Entry(name, kind, stat.S_IMODE(found.st_mode), found.st_mtime_ns, target, found.st_size)
    )
    if kind == FILE:
        with open(path, "rb") as file:
            while data := file.read(CHUNK):
                yield data_record(data)


class LocalReceiver:
    """Writes a tree that comes in pieces to this machine.

    Args:
        to: where a folder's content goes, or what a file is to be called; a file goes *into* a folder that is there.
        name: what a file is called in such a folder.
    """

    def __init__(self, to: Path, name: str) -> None:
        self.path = to
        self._name = name
        self._reader = TreeReader()
        self._file: BinaryIO | None = None
        self._half = b""  # what the file is called until all of it is there
        self._entry: Entry | None = None
        self._folders: dict[bytes, Entry] = {}

    def take(self, chunks: list[Bulk]) -> None:
        """Some more of the stream.

        Raises:
            FileFailed: this machine's disk says no.
            ProtocolError: it is no tree, or one that leads out of where it belongs.
        """
        with failures(self.path):
            for found in itertools.chain.from_iterable(map(self._reader.feed, chunks)):
                if isinstance(found, Entry):
                    self._begin(found)
                else:
                    assert self._file is not None
                    self._file.write(found)

    def finish(self) -> Path:
        """There is no more; where it is now."""
        with failures(self.path):
            self._reader.end()
            self._finish_file()
            for name, entry in reversed(self._folders.items()):
                _stamp(self._place(name), entry)
        return self.path

    def abandon(self) -> None:
        """Remove what is half done."""
        if self._file is not None:
            self._file.close()
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._half)
            self._file = None

    def _begin(self, entry: Entry) -> None:
        self._finish_file()
        if not entry.path and entry.kind == FILE and self.path.is_dir():
            self.path = self.path / self._name
        if entry.path and os.path.dirname(entry.path) not in self._folders:
            raise ProtocolError(f"{entry.path!r} comes before its folder")
        place = self._place(entry.path)
        if entry.kind == FILE:
            folder = os.path.dirname(place) or b"."
            fd, self._half = tempfile.mkstemp(b".part", b".tfnz-", folder)
            self._file, self._entry = os.fdopen(fd, "wb"), entry
        elif entry.kind == FOLDER:
            self._make_folder(place, entry)
        elif entry.kind == LINK:
            self._link(place, entry)
        else:
            log.warning("%s is left out: neither a file nor a folder", os.fsdecode(place))

    def _make_folder(self, place: bytes, entry: Entry) -> None:
        """A folder that is there is used; a symlink to one only if it is what the user named."""
        if entry.path and os.path.islink(place):
            os.unlink(place)
        os.makedirs(place, exist_ok=True)
        self._folders[entry.path] = entry

    def _link(self, place: bytes, entry: Entry) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(place)
        os.symlink(entry.target, place)
        if entry.mtime_ns is not None:
            os.utime(place, ns=(entry.mtime_ns, entry.mtime_ns), follow_symlinks=False)

    def _finish_file(self) -> None:
        if self._file is None or self._entry is None:
            return
        self._file.close()
        _stamp(self._half, self._entry)
        os.replace(self._half, self._place(self._entry.path))
        self._file = self._entry = None

    def _place(self, name: bytes) -> bytes:
        top = os.fsencode(self.path)
        return os.path.join(top, name) if name else top


def _stamp(place: bytes, entry: Entry) -> None:
    if entry.mode is not None:
        os.chmod(place, entry.mode & 0o777)
    if entry.mtime_ns is not None:
        os.utime(place, ns=(entry.mtime_ns, entry.mtime_ns))


@contextlib.contextmanager
def failures(path: Path) -> Iterator[None]:
    """What this machine says, as an error of ours."""
    try:
        yield
    except (FileFailed, NoSuchFile):
        raise
    except FileNotFoundError as problem:
        raise NoSuchFile(f"there is no {_shown(problem, path)!r} on this machine") from problem
    except OSError as problem:
        reason = (problem.strerror or str(problem)).lower()
        raise FileFailed(f"{_shown(problem, path)!r}: {reason}") from problem


def _shown(problem: OSError, path: Path) -> str:
    """The file concerned: what the user named, where it is only our name for something half done."""
    name = os.fsdecode(problem.filename or str(path))
    return str(path) if name.endswith(".part") else name
