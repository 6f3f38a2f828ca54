"""Terminals of processes, as the keeper has them: crun makes one inside the container and hands its other end over."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
from dataclasses import dataclass

_TIOCGPTPEER = 0x5441  # the inner end of a terminal, by its outer one


@dataclass(slots=True)
class Terminal:
    """The keeper's copy of a terminal's outer end: it does not hang up when a location dies."""

    master: int

    def all(self) -> list[int]:
        return [self.master]

    def outputs(self) -> list[int]:
        return [self.master]

    def close_input(self) -> None:
        """One descriptor serves both ways: it stays."""

    def close(self) -> None:
        if self.master >= 0:
            os.close(self.master)
            self.master = -1


class Console:
    """The socket on which crun hands over one terminal.

    Args:
        path: where it lies; removed by :meth:`close`.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.user = 0  # host id that the terminal shall belong to
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.setblocking(False)
        self._listener.bind(path)
        self._listener.listen(1)
        self._master = -1

    def fileno(self) -> int:
        """Readable when there is something to take."""
        return self._listener.fileno()

    def take(self) -> None:
        """Take what crun brings as soon as it does: its user will want to open it."""
        with contextlib.suppress(OSError), self._listener.accept()[0] as crun:
            crun.settimeout(1.0)  # it sends at once
            _data, fds, _flags, _address = socket.recv_fds(crun, 256, 1, socket.MSG_CMSG_CLOEXEC)
            if fds:
                self._master = fds[0]
                self._give_to_user()

    def _give_to_user(self) -> None:
        flags = os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC
        inner = fcntl.ioctl(self._master, _TIOCGPTPEER, flags)
        try:
            os.fchown(inner, self.user, -1)
        finally:
            os.close(inner)

    def terminal(self) -> Terminal | None:
        """What was taken, if anything; the caller's to close."""
        master, self._master = self._master, -1
        return None if master < 0 else Terminal(master)

    def close(self) -> None:
        if terminal := self.terminal():
            terminal.close()
        self._listener.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
