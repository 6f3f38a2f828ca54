"""Files and folders as one stream of bytes: records of what comes next, and of its content. The same in both directions.

A record is one letter, the length of what follows (four bytes, big-endian), and that: ``E`` an :class:`Entry` in msgpack,
``D`` bytes of the file that was named last. No sizes are promised ahead, so that a file may grow or shrink while it is
read. Folders come before what is in them.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from ..errors import ProtocolError
from .codec import Bulk

FILE, FOLDER, LINK, OTHER = "file", "folder", "link", "other"

_ENTRY, _DATA = b"ED"
_HEAD = 5
_LARGEST_ENTRY = 64 * 1024


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One file, folder or symlink. Names are bytes: not every name is text.

    ``path`` is relative to what was asked for, which itself has an empty one. A ``mode`` or ``mtime_ns`` of None leaves
    to the receiver what it is.
    """

    path: bytes
    kind: str
    mode: int | None = None  # permission bits
    mtime_ns: int | None = None
    target: bytes = b""  # of a symlink
    size: int = 0  # what it was when looked at
    uid: int = 0
    gid: int = 0


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Entry)


def entry_record(entry: Entry) -> bytes:
    """The record that names what comes next."""
    body = _encoder.encode(entry)
    return b"E" + len(body).to_bytes(4, "big") + body


def data_record(data: bytes | memoryview) -> bytes:
    """A record of some more bytes of the file that was named last."""
    return b"".join((b"D", len(data).to_bytes(4, "big"), data))


class TreeReader:
    """Takes the stream apart as it comes. Nothing of a file is held back until all of it is there, and nothing is copied."""

    def __init__(self) -> None:
        self._begun = b""  # of a record whose head, or entry, is not all there
        self._left = 0  # bytes of a data record that are still to come
        self._in_file = False

    def feed(self, data: Bulk) -> Iterator[Entry | memoryview]:
        """What is complete now: entries, and pieces of files.

        Raises:
            ProtocolError: it is no such stream, or an entry's path leads out of where it belongs.
        """
        view = memoryview(self._begun + data if self._begun else data)
        self._begun = b""
        while view:
            if self._left:
                piece, view = view[: self._left], view[self._left :]
                self._left -= len(piece)
                yield piece
            elif size := self._head(view):
                record, view = view[:size], view[size:]
                if record[0] == _ENTRY:
                    yield self._entry(record)
            else:
                self._begun = bytes(view)
                return

    def end(self) -> None:
        """There is no more.

        Raises:
            ProtocolError: it ended within a record.
        """
        if self._begun or self._left:
            raise ProtocolError("a tree of files ended within a record")

    def _head(self, view: memoryview) -> int:
        """The size of what is read at once: of a data record its head, of an entry all; 0 while it is incomplete."""
        if len(view) < _HEAD:
            return 0
        kind, size = view[0], int.from_bytes(view[1:_HEAD], "big")
        if kind == _DATA and self._in_file:
            self._left = size
            return _HEAD
        if kind != _ENTRY or size > _LARGEST_ENTRY:
            raise ProtocolError("not a tree of files")
        return _HEAD + size if len(view) >= _HEAD + size else 0

    def _entry(self, record: memoryview) -> Entry:
        entry = _entry(bytes(record[_HEAD:]))
        self._in_file = entry.kind == FILE
        return entry


def _entry(body: bytes) -> Entry:
    try:
        entry = _decoder.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as problem:
        raise ProtocolError(f"not an entry of a tree of files: {problem}") from problem
    if entry.kind not in (FILE, FOLDER, LINK, OTHER):
        raise ProtocolError(f"a tree of files holds no {entry.kind!r}")
    names = entry.path.split(b"/") if entry.path else []
    if b"\0" in entry.path or any(name in (b"", b".", b"..") for name in names):
        raise ProtocolError(f"the path {entry.path!r} leads out of a tree of files")
    return entry
