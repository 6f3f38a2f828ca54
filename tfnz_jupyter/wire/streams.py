"""Credit: a stream's sender never has more on the way than its reader said it can take.

Offsets are in bytes from the stream's beginning and never go back, so that a chunk can be told from its double.
"""

from __future__ import annotations

from ..errors import ProtocolError

#: How far a sender may be ahead of its reader (bytes).
WINDOW = 2 * 1024 * 1024
#: What is read from a file or a socket at once, usually (bytes).
CHUNK = 256 * 1024


class Sending:
    """The sender's end: what has been sent and how far it may go."""

    __slots__ = ("limit", "offset")

    def __init__(self, offset: int = 0, limit: int = WINDOW) -> None:
        self.offset = offset
        self.limit = limit

    @property
    def room(self) -> int:
        """Bytes that may be sent now."""
        return self.limit - self.offset

    def advance(self, size: int) -> int:
        """Account for bytes being sent or skipped; the offset of the first."""
        start = self.offset
        self.offset += size
        return start

    def grant(self, offset: int) -> None:
        """The reader can take bytes up to this offset."""
        self.limit = max(self.limit, offset)


class Receiving:
    """The reader's end: what has arrived, what has been used up, what the sender was told."""

    __slots__ = ("_granted", "_used", "_window", "offset")

    def __init__(self, offset: int = 0, window: int = WINDOW) -> None:
        self.offset = offset
        self._used = offset
        self._window = window
        self._granted = offset + window

    @property
    def granted(self) -> int:
        """Up to where the sender was told that it may go."""
        return self._granted

    def arrive(self, offset: int, size: int) -> None:
        """Account for a chunk.

        Raises:
            ProtocolError: it does not continue the stream, or is more than was granted.
        """
        if offset != self.offset:
            raise ProtocolError(f"a chunk at {offset} where {self.offset} was expected")
        if offset + size > self._granted:
            raise ProtocolError("a chunk beyond what was granted")
        self.offset += size

    def skip(self, size: int) -> None:
        """Account for bytes that will never come; they use no window."""
        self.offset += size
        self._used += size

    def use(self, size: int) -> int | None:
        """The reader is done with so many bytes; the offset to grant, when it is worth a message."""
        self._used += size
        if self._used + self._window - self._granted < self._window // 4:
            return None
        self._granted = self._used + self._window
        return self._granted
