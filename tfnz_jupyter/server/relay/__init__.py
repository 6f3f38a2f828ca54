"""Joins pairs of sockets in a process of its own, so that a busy tunnel keeps nobody waiting: not the location's loop,
and never a kernel's interpreter.

The location hands both sockets of a connection over and forgets them. The process is started with the first pair, anew
where it was killed, and ends with the location: the conversation (one datagram a pair, the two descriptors beside it) is
then over. Whatever ends it resets the connections it held: a transfer cut short never looks complete.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import subprocess
import sys
from collections import deque
from pathlib import Path

log = logging.getLogger(__name__)

_PACKAGE_ROOT = Path(__file__).resolve().parents[3]

#: The first byte of a datagram; a tunnel's name is the rest.
JOIN, CUT, FINISH = b"+", b"-", b"."
#: The process ends at once when its location lets go of it; this long at most (seconds).
_PATIENCE = 5.0

Pair = tuple[socket.socket, socket.socket]


class Relay:
    """The location's end. Pairs are joined under the name of their tunnel, and ended by it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._link: socket.socket | None = None
        self._outbox: deque[tuple[bytes, Pair | None]] = deque()
        self._ends: dict[asyncio.Future[None], subprocess.Popen[bytes]] = {}  # not yet come

    def join(self, tunnel: str, near: socket.socket, far: socket.socket) -> None:
        """Pass on all that comes, both ways, until both are over. The sockets are no longer the caller's."""
        self._put(JOIN + tunnel.encode(), (near, far))

    def cut(self, tunnel: str) -> None:
        """Reset every connection of a tunnel."""
        if self._link is not None:
            self._put(CUT + tunnel.encode(), None)

    def finish(self, tunnel: str) -> None:
        """The far ends of a tunnel are over: let arrive what they sent, and reset what they had not finished."""
        if self._link is not None:
            self._put(FINISH + tunnel.encode(), None)

    async def close(self) -> None:
        """End the process, and every connection with it; returns when it is gone."""
        self._lose()
        if self._ends:
            _ended, hanging = await asyncio.wait(self._ends, timeout=_PATIENCE)
            for process in (self._ends[end] for end in hanging):
                process.kill()
            if hanging:
                await asyncio.wait(hanging)

    def _put(self, words: bytes, pair: Pair | None) -> None:
        self._outbox.append((words, pair))
        try:
            self._link = self._link or self._start()
        except OSError as problem:
            log.error("the relay of the tunnels cannot be started: %s", problem)
            return self._lose()
        return self._flush(self._link)

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", __package__, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                cwd="/",
                start_new_session=True,
                env=_environment(),
            )
        ours.setblocking(False)
        self._loop.add_reader(ours, self._lose)  # it never says a word: this is its end
        self._attend(process)
        return ours

    def _attend(self, process: subprocess.Popen[bytes]) -> None:
        pidfd = os.pidfd_open(process.pid)
        end: asyncio.Future[None] = self._loop.create_future()
        self._ends[end] = process

        def reap() -> None:
            self._loop.remove_reader(pidfd)
            os.close(pidfd)
            if process.wait() != 0:
                log.warning("the relay of the tunnels ended with %d", process.returncode)
            del self._ends[end]
            end.set_result(None)

        self._loop.add_reader(pidfd, reap)

    def _flush(self, link: socket.socket) -> None:
        try:
            while self._outbox:
                self._send(link, *self._outbox[0])
                self._outbox.popleft()
        except BlockingIOError:
            self._loop.add_writer(link, self._flush, link)
            return
        except OSError as problem:
            log.warning("the relay of the tunnels: %s", problem)
            self._lose()
            return
        self._loop.remove_writer(link)

    @staticmethod
    def _send(link: socket.socket, words: bytes, pair: Pair | None) -> None:
        if pair is None:
            link.send(words)
            return
        socket.send_fds(link, [words], [side.fileno() for side in pair])
        _close(pair)

    def _lose(self) -> None:
        """It is gone; the next pair starts another."""
        if self._link is not None:
            self._loop.remove_reader(self._link)
            self._loop.remove_writer(self._link)
            self._link.close()
            self._link = None
        while self._outbox:
            _close(self._outbox.popleft()[1])


def _close(pair: Pair | None) -> None:
    for side in pair or ():
        with contextlib.suppress(OSError):
            side.close()


def _environment() -> dict[str, str]:
    """What a Python of ours needs to find this package, wherever it was found by us."""
    path = os.pathsep.join(filter(None, [str(_PACKAGE_ROOT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path}
