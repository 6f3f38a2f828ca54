"""The relay's process: takes pairs of sockets from the location and joins them, until the location is gone."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import resource
import signal
import socket
import sys

from . import FINISH, JOIN
from .pairs import Pair

log = logging.getLogger(__name__)

_LARGEST = 256  # bytes of a tunnel's name
_AT_ONCE = 64


class Joiner:
    """Hears the location out, and knows which pairs belong to which tunnel."""

    def __init__(self, location: socket.socket) -> None:
        self._location = location
        self._loop = asyncio.get_running_loop()
        self._pairs: dict[str, set[Pair]] = {}
        self._joining: set[asyncio.Task[None]] = set()
        self.over = asyncio.Event()
        location.setblocking(False)
        self._loop.add_reader(location, self._hear)

    def _hear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            for _ in range(_AT_ONCE):
                name, fds, _flags, _address = socket.recv_fds(
                    self._location, _LARGEST, 2, socket.MSG_CMSG_CLOEXEC
                )
                if not name:
                    self._loop.remove_reader(self._location)
                    return self.over.set()
                sockets = [socket.socket(fileno=fd) for fd in fds]
                self._heed(name[:1], name[1:].decode(), sockets)
        return None

    def _heed(self, deed: bytes, tunnel: str, sockets: list[socket.socket]) -> None:
        if deed == JOIN and len(sockets) == 2:
            pair = Pair(*sockets)
            self._pairs.setdefault(tunnel, set()).add(pair)
            joining = asyncio.ensure_future(self._join(tunnel, pair))
            self._joining.add(joining)
            joining.add_done_callback(self._joining.discard)
        elif deed == JOIN:
            log.warning("out of descriptors: a connection is dropped")
            for sock in sockets:
                sock.close()
        else:
            for pair in list(self._pairs.get(tunnel, ())):
                pair.finish() if deed == FINISH else pair.reset()

    async def _join(self, tunnel: str, pair: Pair) -> None:
        try:
            await pair.run()
        finally:
            pairs = self._pairs.get(tunnel, set())
            pairs.discard(pair)
            if not pairs:
                self._pairs.pop(tunnel, None)


async def main(descriptor: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    await Joiner(socket.socket(fileno=descriptor)).over.wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
