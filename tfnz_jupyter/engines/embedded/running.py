"""A live process as the location has it: three pipes and news of its end.

Chunks go from the pipe to the caller in one read, as they come, at pipe speed; nothing is read that nobody asked for, so
a slow reader slows the writer.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from ...errors import Ended
from ..base import Exit, Mark, Running, Taken
from .tally import Tally

_CHUNK = 256 * 1024


class PipedRunning(Running):
    """See :class:`~tfnz_jupyter.engines.base.Running`. The descriptors are ours; :meth:`release` closes them.

    Args:
        pipes: stdin (write end, -1 for none), stdout, stderr (read ends), and the tally of what goes through them.
        send_signal: passes a signal on.
        input_closed: told once when our end of stdin is closed.
    """

    def __init__(
        self, pipes: list[int], send_signal: Callable[[int], None], input_closed: Callable[[], None]
    ) -> None:
        *pipes, tally = pipes
        self._tally = Tally(tally)
        self.taken = Taken(self._tally.read, self._tally.lines, self._tally.fed)
        for fd in pipes:
            if fd >= 0:
                os.set_blocking(fd, False)
        self._stdin = pipes[0]
        self._outputs = [(Mark.OUT, pipes[1]), (Mark.ERR, pipes[2])]
        self._send_signal, self._input_closed = send_signal, input_closed
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
            self._input_closed()

    # -- the process ---------------------------------------------------------------------------------------------------

    async def signal(self, number: int) -> None:
        if not self._exit.done():
            self._send_signal(number)

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
