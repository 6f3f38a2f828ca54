"""How much of a process's pipes a location has read and fed, where a later location finds it.

The count lies in memory that the keeper holds too. It is raised right after each read: a location that is killed between a
read and its count loses the count of that one read, 256 KiB at most.
"""

from __future__ import annotations

import mmap
import os
import struct

_LAYOUT = struct.Struct("=QQQ")


class Tally:
    """Bytes read of both outputs, lines among them, bytes fed to standard input.

    Args:
        fd: made by :func:`blank`; it is ours, and closed here.
    """

    def __init__(self, fd: int) -> None:
        try:
            self._memory = mmap.mmap(fd, _LAYOUT.size)
        finally:
            os.close(fd)
        self.read, self.lines, self.fed = _LAYOUT.unpack_from(self._memory)

    def count_read(self, data: bytes) -> None:
        """These bytes of an output were taken out of its pipe."""
        self.read += len(data)
        self.lines += data.count(b"\n")
        self._note()

    def count_fed(self, size: int) -> None:
        """So many bytes were put into standard input."""
        self.fed += size
        self._note()

    def _note(self) -> None:
        _LAYOUT.pack_into(self._memory, 0, self.read, self.lines, self.fed)


def blank() -> int:
    """Memory for a tally of nothing, as a descriptor."""
    fd = os.memfd_create("tally", os.MFD_CLOEXEC)
    os.ftruncate(fd, _LAYOUT.size)
    return fd
