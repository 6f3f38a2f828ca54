"""The location's end of the conversation with the keeper: start one, ask it, hear from it, notice its death."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import secrets
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from ...errors import EngineFailed
from ..threads import Threads
from . import messages
from .messages import Answer, News, Request

LOG = "keeper.log"
_PACKAGE_ROOT = Path(__file__).resolve().parents[3]
_LOG_TAIL = 4096
_RETRY = 0.01  # seconds between knocks at a keeper that has not let go of the last location yet

Reply = tuple[Answer, list[int]]
Take = Callable[[messages.KeptCell | messages.KeptProcess, list[int]], None]


def start_keeper(state: Path, runtime: Path, linger: float) -> tuple[socket.socket, int]:
    """A new keeper: the socket to it, and a pidfd of it. Blocks until it has its namespaces (some 50 ms).

    Raises:
        EngineFailed: it did not come up; ``detail`` has the end of its log.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    log = runtime / LOG
    with open(log, "wb") as out, theirs:
        process = subprocess.Popen(
            [
                sys.executable, "-P", "-m", f"{__package__}.keeper", "--state", state,
                "--runtime", runtime, "--linger", str(linger), "--location", str(theirs.fileno()),
            ],
            stdin=subprocess.DEVNULL, stdout=out, stderr=out, pass_fds=[theirs.fileno()], cwd="/",
            start_new_session=True, env=python_environment(),
        )  # fmt: skip
    _data, fds = messages.receive(ours)
    process.wait()
    if not fds:
        ours.close()
        raise EngineFailed("the engine's keeper did not start", detail=log_tail(runtime))
    return ours, fds[0]


def python_environment() -> dict[str, str]:
    """What a Python of ours needs to find this package, wherever it was found by us."""
    path = os.pathsep.join(filter(None, [str(_PACKAGE_ROOT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}


def log_tail(runtime: Path) -> str:
    """The last lines of the newest keeper's log."""
    with contextlib.suppress(OSError), open(runtime / LOG, "rb") as log:
        log.seek(max(0, log.seek(0, os.SEEK_END) - _LOG_TAIL))
        return log.read().decode(errors="replace")
    return ""


def visit_keeper(runtime: Path) -> tuple[socket.socket, int] | None:
    """A connection to the keeper that a dead location left, and a pidfd of it; None where there is none."""
    visitor = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        visitor.connect(os.fspath(runtime / messages.SOCKET))
        size = struct.calcsize("3i")
        credentials = visitor.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        return visitor, os.pidfd_open(struct.unpack("3i", credentials)[0])
    except (FileNotFoundError, ConnectionRefusedError, ProcessLookupError):
        visitor.close()
        return None


def join_keeper(runtime: Path, patience: float = 20.0) -> tuple[socket.socket, int] | None:
    """As :func:`visit_keeper`, once it has let go of the dead location (whose last wishes it still does) and listens to us."""
    give_up = time.monotonic() + patience
    while (found := visit_keeper(runtime)) is not None:
        visitor, pidfd = found
        visitor.settimeout(patience)
        with contextlib.suppress(TimeoutError, ConnectionError):
            if visitor.recv(1, socket.MSG_PEEK):  # it speaks first
                return visitor, pidfd
        visitor.close()
        os.close(pidfd)
        if time.monotonic() > give_up:
            return None
        time.sleep(_RETRY)
    return None


def end_keeper(runtime: Path, patience: float = 10.0) -> None:
    """Kill a keeper that a dead location left, with all it holds; returns when nothing of it lives.

    Raises:
        EngineFailed: it does not die, because something of it hangs in the kernel.
    """
    if (found := visit_keeper(runtime)) is None:
        return
    visitor, pidfd = found
    visitor.close()
    try:
        kill_keeper(pidfd, patience)
    finally:
        os.close(pidfd)


def kill_keeper(pidfd: int, patience: float = 10.0) -> None:
    """SIGKILL, and wait for its end: the kernel lets an init go only after everything in its namespace."""
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    if not poll.poll(patience * 1000):
        raise EngineFailed("the engine's keeper was killed and does not end")


class Link:
    """One keeper, as long as it lives.

    Args:
        sock: connected to it.
        pidfd: of it; closed by :meth:`close`.
        on_exit: called with every process that has ended.
        on_degraded: called with what stopped working.
        on_end: called once, when the keeper is gone or has closed the conversation.
    """

    def __init__(
        self, sock: socket.socket, pidfd: int, *, on_exit: Callable[[messages.Exited], None],
        on_degraded: Callable[[str], None], on_end: Callable[[], None],
    ) -> None:  # fmt: skip
        sock.setblocking(False)
        self._socket, self._pidfd = sock, pidfd
        self._on_exit, self._on_degraded, self._on_end = on_exit, on_degraded, on_end
        self._loop = asyncio.get_running_loop()
        self._answers: dict[int, asyncio.Future[Reply]] = {}
        self._outbox: deque[Request] = deque()
        # Answers to what an earlier location asked may come to us: theirs must be other numbers.
        self._numbers = itertools.count(secrets.randbits(48) + 1)
        self._on_kept: Take | None = None
        self.ready: asyncio.Future[messages.Ready] = self._loop.create_future()
        self.ended = False
        self._loop.add_reader(sock, self._on_readable)

    def number(self) -> int:
        """The ``seq`` of the next request."""
        return next(self._numbers)

    async def ask(self, request: messages.Asked) -> Reply:
        """The answer to a request and its descriptors, which are the caller's to close.

        Cancelling closes what still comes. Raises ``EngineFailed`` with the keeper's words, or that it has ended.
        """
        if self.ended:
            raise EngineFailed(GONE)
        future = self._answers[request.seq] = self._loop.create_future()
        self.tell(request)
        try:
            answer, fds = await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                _close(future.result()[1])  # the answer and the cancellation came together
            raise
        if isinstance(answer, messages.Failed):
            raise EngineFailed(answer.error)
        return answer, fds

    async def recall(self, take: Take) -> None:
        """Have ``take`` called with all that an earlier location left, before any news of it; the descriptors are its."""
        self._on_kept = take
        await self.ask(messages.Recall(self.number()))

    def tell(self, request: Request) -> None:
        """Send a request without waiting; nothing happens once the keeper has ended."""
        if not self.ended:
            self._outbox.append(request)
            self._flush()

    def _flush(self) -> None:
        try:
            while self._outbox:
                messages.send(self._socket, self._outbox[0], [])
                self._outbox.popleft()
        except BlockingIOError:
            self._loop.add_writer(self._socket, self._flush)
            return
        except OSError:
            self._outbox.clear()  # it is gone, which the reader will see
        self._loop.remove_writer(self._socket)

    def _on_readable(self) -> None:
        for _ in range(64):
            try:
                data, fds = messages.receive(self._socket)
            except BlockingIOError:
                return
            except OSError:
                data, fds = b"", []
            if not data:
                self._end()
                return
            try:
                self._hear(messages.news(data), fds)
            except msgspec.DecodeError:
                _close(fds)
                self._end()
                return

    def _hear(self, news: News, fds: list[int]) -> None:
        match news:
            case messages.Exited():
                self._on_exit(news)
            case messages.KeptCell() | messages.KeptProcess():
                if self._on_kept is not None:
                    return self._on_kept(news, fds)
            case messages.Ready():
                if not self.ready.done():
                    self.ready.set_result(news)
            case messages.Degraded():
                self._on_degraded(news.text)
            case _:
                future = self._answers.pop(news.seq, None)
                if future is not None and not future.done():
                    return future.set_result((news, fds))
        return _close(fds)

    def _end(self) -> None:
        if self.ended:
            return
        self.ended = True
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket.close()
        for future in self._answers.values():
            _fail(future)
        _fail(self.ready)
        self.ready.exception()  # seen: whoever waits gets it all the same
        self._answers.clear()
        self._on_end()

    async def close(self, threads: Threads) -> None:
        """Kill the keeper and wait for its end. Idempotent."""
        self._end()
        if self._pidfd >= 0:
            pidfd, self._pidfd = self._pidfd, -1
            try:
                await threads.run(lambda: kill_keeper(pidfd))
            finally:
                os.close(pidfd)


GONE = "the engine's keeper has ended"


def _fail(future: asyncio.Future[Any]) -> None:
    if not future.done():
        future.set_exception(EngineFailed(GONE))


def _close(fds: list[int]) -> None:
    for fd in fds:
        os.close(fd)
