"""What comes from a Pod's desk: batches of files, cut into pieces anyhow on their way. Pure; ``init`` has the form."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from ...errors import ProtocolError

_LONGEST_LINE = 4096
_LARGEST = 64 << 20  # bytes of one file; whoever is root in a Pod may have it say what he likes
_MOST = 4096  # files of one batch


class Batches:
    """Put together again. What :meth:`receive` gives must be taken before the next piece."""

    def __init__(self) -> None:
        self._text = bytearray()
        self._due: deque[tuple[str, int]] = deque()  # files named, whose contents are to come
        self._naming = True

    def receive(self, piece: bytes | memoryview) -> Iterator[tuple[str, bytes]]:
        """Names and contents of the files that are whole now.

        Raises:
            ProtocolError: it is nothing that a desk says.
        """
        self._text += piece
        start = 0
        while True:
            if self._naming:
                end = self._text.find(b"\n", start)
                if end < 0:
                    break
                self._name(bytes(self._text[start:end]))
                start = end + 1
            elif not self._due:
                self._naming = True
            elif len(self._text) - start >= self._due[0][1]:
                name, size = self._due.popleft()
                yield name, bytes(memoryview(self._text)[start : start + size])
                start += size
            else:
                break
        del self._text[:start]
        if self._naming and len(self._text) > _LONGEST_LINE:
            raise ProtocolError("the desk of a Pod sends no names")

    def _name(self, line: bytes) -> None:
        if not line:
            self._naming = False
            return
        name, _, size = line.decode("utf-8", "replace").rpartition(" ")
        if not name or not size.isdigit():
            raise ProtocolError(f"the desk of a Pod says {line[:80]!r}")
        if len(size) > 9 or int(size) > _LARGEST or len(self._due) >= _MOST:
            raise ProtocolError("the desk of a Pod sends more than anybody can have asked for")
        self._due.append((name, int(size)))
