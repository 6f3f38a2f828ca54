"""What a container has written, as one layer of an image; run as a process of its own, for it chroots there first.

    python -m tfnz_jupyter.engines.embedded.pack UPPER FILE FIRST_ID

The reverse of ``unpack``: owners are moved back from the containers' range of ids, overlayfs's whiteouts become those of the
image format, devices and sockets are left out, and so is what only stands where the runtime mounts something, or is an
engine's own. ``UPPER`` is a descriptor of the upper folder. On standard output one JSON object:
``{"digest": ..., "size": ..., "entries": n}`` or ``{"error": kind, "text": ...}`` with kind ``full`` or ``failed``.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
import sys
import tarfile
from collections.abc import Iterator
from typing import BinaryIO, cast

from .bundle import IDS, PROVIDED
from .chroot import enter

_CHUNK = 1 << 20
_NOBODY = 65_534
_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"
_OVERLAYS = ("trusted.overlay.", "user.overlay.")
#: Marks of folders that were renamed, and of files whose content is below: none is made as our overlays are mounted.
_ELSEWHERE = ("redirect", "metacopy")
_MOUNTED = {"proc", "sys", "dev", *(path.lstrip("/") for path in PROVIDED)}
_OURS = ".tfnz"  # what other engines put into a container
#: Of the top, where nobody changed it.
_TOP = (0o755, 0, 0)


class Hashed:
    """A file being written, hashed on its way."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        self.size += len(data)
        return self._file.write(data)


class Packer:
    """Writes the tree below ``/``."""

    def __init__(self, tar: tarfile.TarFile, first_id: int) -> None:
        self._tar, self._first = tar, first_id
        self._links: dict[tuple[int, int], str] = {}  # of files with several names, the first one
        self.entries = 0

    def pack(self) -> None:
        """All of it, folders before what is in them."""
        top = self._entry("./", os.lstat("/"))
        if (top.mode, top.uid, top.gid) != _TOP:
            self._add(top)
        todo = ["/"]
        while todo:
            folder = todo.pop()
            inside = self._inside(folder)
            todo += ["/" + name for name in inside if self._one(name, os.lstat("/" + name))]

    def _inside(self, folder: str) -> Iterator[str]:
        for name in sorted(os.listdir(folder)):
            path = f"{folder.lstrip('/')}/{name}".lstrip("/")
            if path not in _MOUNTED and path != _OURS:
                yield path

    def _one(self, name: str, found: os.stat_result) -> bool:
        """One file; whether it is a folder to go into."""
        kind = stat.S_IFMT(found.st_mode)
        if kind == stat.S_IFCHR and found.st_rdev == 0:
            folder, _, hidden = name.rpartition("/")
            self._mark(folder, _WHITEOUT + hidden)
        elif kind == stat.S_IFDIR:
            self._folder(name, found)
        elif kind == stat.S_IFREG:
            self._file(name, found)
        elif kind == stat.S_IFLNK:
            entry = self._entry(name, found)
            entry.type, entry.linkname = tarfile.SYMTYPE, os.readlink("/" + name)
            self._add(entry)
        elif kind == stat.S_IFIFO:
            entry = self._entry(name, found)
            entry.type = tarfile.FIFOTYPE
            self._add(entry)
        return kind == stat.S_IFDIR

    def _folder(self, name: str, found: os.stat_result) -> None:
        entry = self._entry(name, found)
        entry.type = tarfile.DIRTYPE
        self._add(entry)
        if any(self._overlays(name, "opaque")):
            self._mark(name, _OPAQUE)

    def _file(self, name: str, found: os.stat_result) -> None:
        entry = self._entry(name, found)
        key = (found.st_dev, found.st_ino)
        if found.st_nlink > 1 and key in self._links:
            entry.type, entry.linkname = tarfile.LNKTYPE, self._links[key]
            self._add(entry)
            return
        if found.st_nlink > 1:
            self._links[key] = name
        with open(os.open("/" + name, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
            entry.size = found.st_size
            self._add(entry, file)

    def _mark(self, folder: str, name: str) -> None:
        entry = tarfile.TarInfo(f"{folder}/{name}".lstrip("/"))
        entry.mode = 0o600
        self._add(entry)

    def _add(self, entry: tarfile.TarInfo, content: BinaryIO | None = None) -> None:
        self._tar.addfile(entry, content)
        self._tar.members.clear()  # type: ignore[attr-defined]  # it keeps all it has written; not in the stubs
        self.entries += 1

    def _entry(self, name: str, found: os.stat_result) -> tarfile.TarInfo:
        entry = tarfile.TarInfo(name)
        entry.mode = stat.S_IMODE(found.st_mode)
        entry.uid, entry.gid = self._inside_id(found.st_uid), self._inside_id(found.st_gid)
        entry.mtime = found.st_mtime_ns // 1_000_000_000
        if name == "./":
            entry.type = tarfile.DIRTYPE
        elif not stat.S_ISLNK(found.st_mode):
            entry.pax_headers = self._attributes(name)
        return entry

    def _attributes(self, name: str) -> dict[str, str]:
        """The user's own, as tar writes them."""
        if any(any(self._overlays(name, mark)) for mark in _ELSEWHERE):
            raise OSError(errno.EXDEV, "the overlay keeps part of it elsewhere", name)
        found = {
            key: os.getxattr("/" + name, key).decode("utf-8", "surrogateescape")
            for key in os.listxattr("/" + name)
            if key.startswith("user.") and not key.startswith(_OVERLAYS)
        }
        for key in found:
            if "=" in key or not key.isprintable():  # the latter, also of bytes that are no UTF-8
                raise OSError(errno.EILSEQ, f"no layer holds its attribute {key!a}", name)
        return {f"SCHILY.xattr.{key}": value for key, value in found.items()}

    def _overlays(self, name: str, mark: str) -> Iterator[bool]:
        keys = set(os.listxattr("/" + name, follow_symlinks=False))
        yield from (f"{prefix}{mark}" in keys for prefix in _OVERLAYS)

    def _inside_id(self, number: int) -> int:
        own = number - self._first
        return own if 0 <= own < IDS else _NOBODY


def pack(upper: int, file: str, first_id: int) -> dict[str, object]:
    """Write the layer. This process is in a chroot afterwards."""
    with open(file, "wb") as raw:
        out = Hashed(raw)
        enter(upper)
        with tarfile.open(
            fileobj=cast(BinaryIO, out), mode="w|", bufsize=_CHUNK, format=tarfile.PAX_FORMAT,
            encoding="utf-8", errors="surrogateescape",
        ) as tar:  # fmt: skip
            packer = Packer(tar, first_id)
            packer.pack()
    digest = f"sha256:{out.digest.hexdigest()}"
    return {"digest": digest, "size": out.size, "entries": packer.entries}


def main(arguments: list[str]) -> int:
    upper, file, first_id = arguments
    try:
        said = pack(int(upper), file, int(first_id))
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        said = {"error": "full" if full else "failed", "text": str(error)}
    os.write(1, json.dumps(said).encode() + b"\n")
    return int("error" in said)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
