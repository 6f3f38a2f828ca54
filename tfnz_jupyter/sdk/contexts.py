"""The folder a Dockerfile copies from, as it is sent: without what its ``.dockerignore`` names. Blocks: for a worker."""

from __future__ import annotations

import os
import stat
from collections.abc import Generator, Iterator
from pathlib import Path

from ..dockerfile import Ignored
from ..errors import NoSuchFile, UsageError
from ..wire.tree import FOLDER, Entry, entry_record
from . import trees

_IGNORE = ".dockerignore"


class Context:
    """One folder.

    Raises:
        NoSuchFile, UsageError: it is not there, or is no folder; its ``.dockerignore`` has no meaning.
    """

    def __init__(self, folder: Path) -> None:
        self._top = folder.expanduser()
        if not self._top.is_dir():
            raise NoSuchFile(f"there is no folder {folder} to be the context of a build")
        try:
            lines = (self._top / _IGNORE).read_text("utf-8", "surrogateescape").splitlines()
        except FileNotFoundError:
            lines = []
        try:
            self._ignored = Ignored(lines)
        except ValueError as problem:
            raise UsageError(f"{self._top / _IGNORE}: {problem}") from None

    def size(self) -> int:
        """Bytes of all files in it. Raises as :meth:`records`."""
        with trees.failures(self._top):
            found = (os.lstat(self._top / name) for name in self._names(""))
            return sum(one.st_size for one in found if stat.S_ISREG(one.st_mode))

    def records(self) -> Generator[bytes, None, None]:
        """All of it, as the records of a tree. Raises ``NoSuchFile``, ``FileFailed``: something cannot be read."""
        yield entry_record(Entry(b"", FOLDER, 0o755, 0))
        with trees.failures(self._top):
            for name in self._names(""):
                yield from trees.record(os.fsencode(name), os.fsencode(self._top / name))

    def _names(self, folder: str) -> Iterator[str]:
        """What is wanted below, folders first; one that is left out counts if something in it does not."""
        for below in sorted(os.listdir(self._top / folder)):
            name = f"{folder}/{below}" if folder else below
            is_folder = stat.S_ISDIR(os.lstat(self._top / name).st_mode)
            left_out = self._ignored.leaves_out(name)
            if left_out and not (is_folder and self._ignored.takes_back):
                continue
            inside = self._names(name) if is_folder else iter(())
            first = next(inside, None)
            if left_out and first is None:
                continue
            yield name
            if first is not None:
                yield first
                yield from inside
