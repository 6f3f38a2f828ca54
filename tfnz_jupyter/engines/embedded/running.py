"""A live process as the location has it: three pipes, or a terminal, and news of its end.

Chunks go from the pipe to the caller in one read, as they come, at pipe speed; nothing is read that nobody asked for, so
a slow reader slows the writer.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import struct
import termios
from collections.abc import Callable

from ...errors import Ended, UsageError
from ..base import Exit, Mark, Running, Taken
from . import messages
from .tally import Tally

_CHUNK = 256 * 1024
_END_OF_INPUT = b"\x04"  # Ctrl-D
_SIP = 2048  # bytes: a terminal that gives as much at once (it never gives more than 4 KiB) has more in a moment
_GULP = 64 * 1024  # bytes of it that are told as one
_TRIES = 8  # looks in vain, one right after the other, after which it has no more


class PipedRunning(Running):
    """See :class:`~tfnz_jupyter.engines.base.Running`. The descriptors are ours; :meth:`release` closes them.

    Args:
        id: how the keeper knows it.
        ends: stdin (write end, -1 for none), stdout, stderr (read ends).
        tally: of what goes through them.
        tell: passes a message on to the keeper.
    """

    def __init__(
        self, id: str, ends: list[int], tally: int, tell: Callable[[messages.Told], None]
    ) -> None:
        self._tally = Tally(tally)
        self.taken = Taken(self._tally.read, self._tally.lines, self._tally.fed)
        for fd in ends:
            if fd >= 0:
                os.set_blocking(fd, False)
        self._id, self._tell = id, tell
        self._stdin = ends[0]
        self._outputs = list(zip((Mark.OUT, Mark.ERR), ends[1:], strict=False))
        self._loop = asyncio.get_running_loop()
        self._exit: asyncio.Future[Exit] = self._loop.create_future()
        self._woken: asyncio.Future[None] | None = None
        self._held: tuple[Mark, bytes] | None = None
        self._writing = asyncio.Lock()

    # -- output --------------------------------------------------------------------------------------------------------

    async def read(self) -> tuple[Mark, bytes] | None:
        while True:
            over = (
                self._exit.done()
            )  # asked before looking: what it wrote until then is in the pipe
            chunk = self._take()
            if chunk is not None:
                await asyncio.sleep(0)  # a flood must not keep the loop from everybody else
                return chunk
            if over:
                self._close_outputs()  # somebody else may hold the other ends; it does not
            if not self._outputs:
                return None
            await self._readable()

    def peek(self) -> tuple[Mark, bytes] | None:
        """What :meth:`read` will give next, if it is there already."""
        self._held = self._held or self._take()
        return self._held

    def _take(self) -> tuple[Mark, bytes] | None:
        if self._held is not None:
            held, self._held = self._held, None
            return held
        for output in list(self._outputs):
            mark, fd = output
            try:
                data = os.read(fd, _CHUNK)
            except BlockingIOError:
                continue
            except OSError as error:
                if error.errno != errno.EIO:  # how a terminal says that nobody has it open any more
                    raise
                data = b""
            self._outputs.remove(output)
            if data:
                self._tally.count_read(data)
                self._outputs.append(output)  # the other one comes first next time
                return mark, data
            os.close(fd)
        return None

    async def _readable(self) -> None:
        self._woken = self._loop.create_future()
        watched = [fd for _mark, fd in self._outputs]
        for fd in watched:
            self._loop.add_reader(fd, self._wake)
        try:
            await self._woken
        finally:
            for fd in watched:
                self._loop.remove_reader(fd)
            self._woken = None

    def _wake(self) -> None:
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)

    def _close_outputs(self) -> None:
        for _mark, fd in self._outputs:
            os.close(fd)
        self._outputs.clear()

    # -- input ---------------------------------------------------------------------------------------------------------

    async def write(self, data: bytes) -> None:
        async with self._writing:
            try:
                await self._feed(memoryview(data))
            finally:
                if self._exit.done():
                    self._close_stdin()

    async def _feed(self, view: memoryview) -> None:
        while view:
            if self._stdin < 0 or self._exit.done():
                raise Ended("standard input is closed")
            try:
                size = os.write(self._stdin, view)
                self._tally.count_fed(size)
                view = view[size:]
            except BlockingIOError:
                await self._writable(self._stdin)
            except BrokenPipeError:
                raise Ended("the process has closed its standard input") from None

    async def _writable(self, fd: int) -> None:
        """Until the pipe takes more; the end of the process is told by the pipe as well, or by its exit."""
        ready = self._loop.create_future()
        self._loop.add_writer(fd, lambda: None if ready.done() else ready.set_result(None))
        try:
            await asyncio.wait([ready, self._exit], return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._loop.remove_writer(fd)
            ready.cancel()

    async def write_eof(self) -> None:
        async with self._writing:
            self._close_stdin()

    def _close_stdin(self) -> None:
        if self._stdin >= 0:
            os.close(self._stdin)
            self._stdin = -1
            self._tell(messages.CloseInput(self._id))

    # -- the process ---------------------------------------------------------------------------------------------------

    async def signal(self, number: int) -> None:
        if not self._exit.done():
            self._tell(messages.Signal(self._id, number))

    async def end(self, grace: float) -> None:
        if not self._exit.done():
            self._tell(messages.EndProcess(self._id, grace))

    async def resize(self, columns: int, rows: int) -> None:
        raise UsageError("this process has no terminal")

    async def wait(self) -> Exit:
        return await asyncio.shield(self._exit)

    def exited(self, how: Exit) -> None:
        """It has ended; what it wrote can still be read."""
        if not self._exit.done():
            self._exit.set_result(how)
        self._wake()
        if not self._writing.locked():
            self._close_stdin()

    def release(self) -> None:
        """Nobody will read any more. It has ended already."""
        self._held = None
        self._close_stdin()
        if self._woken is None:
            self._close_outputs()

    def __del__(self) -> None:
        for fd in (self._stdin, *(fd for _mark, fd in self._outputs)):
            if fd >= 0:
                os.close(fd)


class TerminalRunning(PipedRunning):
    """A process on a terminal.

    Args:
        master: the terminal's outer end.
    """

    def __init__(
        self, id: str, master: int, tally: int, tell: Callable[[messages.Told], None]
    ) -> None:
        super().__init__(id, [master, os.dup(master)], tally, tell)
        self._fresh = True  # nothing was typed on this line yet

    async def read(self) -> tuple[Mark, bytes] | None:
        """As it comes; of one that prints much, its sips together."""
        first = await super().read()
        if first is None or len(first[1]) < _SIP:
            return first
        mark, sips = first[0], [first[1]]
        try:
            await self._gather(sips)
        except asyncio.CancelledError:
            self._held = mark, b"".join(sips)
            raise
        return mark, b"".join(sips)

    async def _gather(self, sips: list[bytes]) -> None:
        size, tries = len(sips[0]), 0
        while size < _GULP and tries < _TRIES:
            more = self._take()
            tries = 0 if more else tries + 1
            if more:
                sips.append(more[1])
                size += len(more[1])
            await asyncio.sleep(0)

    async def write(self, data: bytes) -> None:
        await super().write(data)
        self._fresh = data.endswith((b"\n", b"\r")) if data else self._fresh

    async def write_eof(self) -> None:
        """Ctrl-D: twice behind an unfinished line, for the first one only passes that on."""
        with contextlib.suppress(Ended):
            await super().write(_END_OF_INPUT if self._fresh else _END_OF_INPUT * 2)
        self._fresh = True

    def hush(self) -> None:
        """Do not show what is typed."""
        settings = termios.tcgetattr(self._stdin)
        settings[3] &= ~termios.ECHO
        termios.tcsetattr(self._stdin, termios.TCSANOW, settings)

    async def resize(self, columns: int, rows: int) -> None:
        if self._stdin >= 0:
            size = struct.pack("4H", rows, columns, 0, 0)
            fcntl.ioctl(self._stdin, termios.TIOCSWINSZ, size)


def running(id: str, fds: list[int], tell: Callable[[messages.Told], None]) -> PipedRunning:
    """A process by the descriptors the keeper sent: see ``messages.Started`` and ``KeptProcess``."""
    *ends, tally = fds
    if len(ends) == 1:
        return TerminalRunning(id, ends[0], tally, tell)
    return PipedRunning(id, ends if len(ends) == 3 else [-1, *ends], tally, tell)
