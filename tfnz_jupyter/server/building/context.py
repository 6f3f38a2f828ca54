"""A context as it comes, made the tar that an engine's own builder takes. No name in it is ever a path of this machine."""

from __future__ import annotations

import asyncio
import io
import os
import tarfile
import tempfile
from pathlib import Path

from ...engines.building import DOCKERFILE
from ...wire.tree import FILE, FOLDER, LINK, Entry, TreeReader
from .copies import Read

_KINDS = {FILE: tarfile.REGTYPE, FOLDER: tarfile.DIRTYPE, LINK: tarfile.SYMTYPE}
_IN_MEMORY = 1 << 20  # bytes of one file


async def as_tar(read: Read | None, dockerfile: str, file: Path) -> None:
    """Write it to ``file``, and the Dockerfile with it.

    Raises:
        ProtocolError: it is no tree.
        OSError: the disk is full.
    """
    with tarfile.open(file, "w", format=tarfile.PAX_FORMAT) as tar:
        writer = _Writer(tar)
        while read is not None and (data := await read()) is not None:
            await asyncio.to_thread(writer.take, data)
        await asyncio.to_thread(writer.finish)
        text = dockerfile.encode()
        entry = tarfile.TarInfo(DOCKERFILE)
        entry.size = len(text)
        tar.addfile(entry, io.BytesIO(text))


class _Writer:
    """Entries of a tree into a tar; a file's size is known once all of it is there."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self._reader = TreeReader()
        self._entry: tarfile.TarInfo | None = None
        self._content = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115  (closed by finish)

    def take(self, data: bytes) -> None:
        for found in self._reader.feed(data):
            if isinstance(found, Entry):
                self._begin(found)
            else:
                self._content.write(found)

    def finish(self) -> None:
        self._reader.end()
        self._end()
        self._content.close()

    def _begin(self, entry: Entry) -> None:
        self._end()
        if not entry.path or entry.kind not in _KINDS:
            return
        self._entry = made = tarfile.TarInfo(os.fsdecode(entry.path))
        made.type, made.linkname = _KINDS[entry.kind], os.fsdecode(entry.target)
        made.mode = entry.mode if entry.mode is not None else 0o644
        made.mtime = (entry.mtime_ns or 0) // 10**9

    def _end(self) -> None:
        if self._entry is not None:
            self._entry.size = self._content.tell()
            self._content.seek(0)
            self._tar.addfile(self._entry, self._content)
        self._entry = None
        self._content.seek(0)
        self._content.truncate()
