"""Files and folders as one stream of bytes: records of what comes next, and of its content. The same in both directions.

A record is one letter, the length of what follows (four bytes, big-endian), and that: ``E`` an :class:`Entry` in msgpack,
``D`` bytes of the file that was named last. No sizes are promised ahead, so that a file may grow or shrink while it is
read. Folders come before what is in them.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from ..errors import ProtocolError

FILE, FOLDER, LINK, OTHER = "file", "folder", "link", "other"

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


def data_record(data: bytes) -> bytes:
    """A record of some more bytes of the file that was named last."""
    return b"D" + len(data).to_bytes(4, "big") + data


class TreeReader:
    """Takes the stream apart as it comes. Nothing of a file is held back until all of it is there."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._left = 0  # bytes of a data record that are still to come
        self._in_file = False

    def feed(self, data: bytes) -> Iterator[Entry | bytes]:
        """What is complete now: entries, and pieces of files.

        Raises:
            ProtocolError: it is no such stream, or an entry's path leads out of where it belongs.
        """
        if not self._buffer and len(data) <= self._left:  # mostly; and nothing is copied
            self._left -= len(data)
            if data:
                yield data
            return
        self._buffer += data
        while self._buffer:
            found = self._piece() if self._left else self._head()
            if found is None:
                return
            if found:
                yield found

    def end(self) -> None:
        """There is no more.

        Raises:
            ProtocolError: it ended within a record.
        """
        if self._buffer or self._left:
            raise ProtocolError("a tree of files ended within a record")

    def _piece(self) -> bytes:
        piece = bytes(self._buffer[: self._left])
        del self._buffer[: self._left]
        self._left -= len(piece)
        return piece

    def _head(self) -> Entry | bytes | None:
        """The entry at the beginning of the buffer; empty where a data record begins, None while it is incomplete."""
        if len(self._buffer) < _HEAD:
            return None
        kind, size = self._buffer[:1], int.from_bytes(self._buffer[1:_HEAD], "big")
        if kind == b"D" and self._in_file:
            del self._buffer[:_HEAD]
            self._left = size
            return b""
        if kind != b"E" or size > _LARGEST_ENTRY:
            raise ProtocolError("not a tree of files")
        if len(self._buffer) < _HEAD + size:
            return None
        body = bytes(self._buffer[_HEAD : _HEAD + size])
        del self._buffer[: _HEAD + size]
        entry = _entry(body)
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
