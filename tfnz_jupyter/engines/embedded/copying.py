"""Copying from one container into another, as COPY of a Dockerfile does it: through descriptors, on one thread. Blocks.

Symlinks in the paths that were named are followed inside their own container; those found on the way are copied as what they
are. A folder goes into a folder that is there, whose mode and owner stay. What the kernel makes up, and other mounts, are
left out.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import posixpath
import threading
from collections.abc import Iterator, Sequence

from ..building import Copy
from ..files import Change, FileInfo, Kind
from .rootfiles import RootFiles

_MAKE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
_PIECE = 1 << 24  # bytes at a time
_UNREAL = {"/proc", "/sys", "/dev"}


class Copying:
    """One copy.

    Args:
        owner: user and group of all that is made; None as they were.
        stop: set from another thread, it ends with ``InterruptedError``.
    """

    def __init__(
        self, source: RootFiles, dest: RootFiles, order: Copy, owner: tuple[int, int] | None,
        stop: threading.Event,
    ) -> None:  # fmt: skip
        self._source, self._dest = source, dest
        self._order, self._owner, self._stop = order, owner, stop

    def run(self) -> None:
        """Do it. Raises ``OSError`` naming the path."""
        order = self._order
        into = order.dest.endswith("/") or len(order.sources) > 1 or self._is_folder(order.dest)
        for path in order.sources:
            found = self._source.stat(path)
            if found.kind is Kind.FOLDER:
                self._make_folders(order.dest)
                self._inside(path, order.dest)
            else:
                name = posixpath.join(order.dest, posixpath.basename(path)) if into else order.dest
                self._make_folders(posixpath.dirname(name.rstrip("/")))
                self._one(path, name, found, follow=True)

    def _inside(self, source: str, dest: str) -> None:
        for name, found in self._source.list(source):
            path, place = posixpath.join(source, name), posixpath.join(dest, name)
            if path in _UNREAL or self._stop.is_set():
                self._require_time()
                continue
            self._one(path, place, found, follow=False)
            if found.kind is Kind.FOLDER:
                self._inside(path, place)
                self._stamp(place, found)

    def _require_time(self) -> None:
        if self._stop.is_set():
            raise InterruptedError(errno.EINTR, "nobody wants the copy any more")

    def _one(self, path: str, place: str, found: FileInfo, *, follow: bool) -> None:
        if found.kind is Kind.FOLDER:
            if not self._is_folder(place, follow=True):
                self._make_way(place)
                self._dest.mkdir(
                    place, found.mode if self._order.mode is None else self._order.mode
                )
                self._own(place, found)
            return
        self._make_way(place)
        if found.kind is Kind.FILE:
            self._content(path, place)
            self._own(place, found)
            self._stamp(place, found)
        elif found.kind is Kind.LINK:
            self._dest.symlink(self._source.readlink(path), place)
            self._own(place, found)
        elif follow:
            raise OSError(errno.EINVAL, "neither a file nor a folder", path)

    def _content(self, path: str, place: str) -> None:
        with contextlib.ExitStack() as opened:
            here = self._source.open(path, os.O_RDONLY)
            opened.callback(os.close, here)
            there = self._dest.open(place, _MAKE, 0o600)
            opened.callback(os.close, there)
            while os.sendfile(there, here, None, _PIECE):
                self._require_time()

    def _make_way(self, place: str) -> None:
        """What is replaced goes first: a link there would lead elsewhere."""
        try:
            kind = self._dest.stat(place, follow=False).kind
        except FileNotFoundError:
            return
        if kind is Kind.FOLDER:
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), place)
        with contextlib.suppress(FileNotFoundError):
            self._dest.remove(place)

    def _own(self, place: str, found: FileInfo) -> None:
        """Owner and, but for a link, mode."""
        uid, gid = self._owner or (found.uid, found.gid)
        self._dest.change(place, Change(uid=uid, gid=gid), follow=False)
        if found.kind is not Kind.LINK:
            mode = found.mode if self._order.mode is None else self._order.mode
            self._dest.change(place, Change(mode=mode), follow=False)

    def _stamp(self, place: str, found: FileInfo) -> None:
        times = Change(mtime_ns=found.mtime_ns, atime_ns=found.mtime_ns)
        self._dest.change(place, times, follow=False)

    def _make_folders(self, path: str) -> None:
        """Those that are missing, whoever's the rest is."""
        names = [name for name in path.split("/") if name]
        for depth in range(1, len(names) + 1):
            here = "/" + "/".join(names[:depth])
            if not self._is_folder(here):
                self._dest.mkdir(here, 0o755)
                uid, gid = self._owner or (0, 0)
                self._dest.change(here, Change(uid=uid, gid=gid))

    def _is_folder(self, path: str, *, follow: bool = True) -> bool:
        try:
            return self._dest.stat(path, follow).kind is Kind.FOLDER
        except FileNotFoundError:
            return False


def digest(files: RootFiles, paths: Sequence[str], stop: threading.Event) -> str:
    """Of all that is at these paths. Raises ``OSError``."""
    total = hashlib.sha256()
    for path in paths:
        for piece in _facts(files, path, posixpath.basename(path), files.stat(path), stop):
            total.update(len(piece).to_bytes(8, "big") + piece)
    return total.hexdigest()


def _facts(
    files: RootFiles, path: str, name: str, found: FileInfo, stop: threading.Event
) -> Iterator[bytes]:
    """What makes a difference, of one file and of all below it."""
    if stop.is_set():
        raise InterruptedError(errno.EINTR, "nobody wants the digest any more")
    yield os.fsencode(f"{name} {found.kind} {found.mode:o} {found.uid} {found.gid}")
    if found.kind is Kind.FILE:
        with open(files.open(path, os.O_RDONLY), "rb") as file:
            yield hashlib.file_digest(file, "sha256").digest()
    elif found.kind is Kind.LINK:
        yield os.fsencode(files.readlink(path))
    elif found.kind is Kind.FOLDER and path not in _UNREAL:
        for below, info in files.list(path):
            yield from _facts(files, posixpath.join(path, below), f"{name}/{below}", info, stop)
