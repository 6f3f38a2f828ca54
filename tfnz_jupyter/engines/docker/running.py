"""A live process as the location has it: one connection to Docker for its three streams, and news of its end.

Nothing is read that nobody asks for beyond a buffer of :data:`_AHEAD`: Docker then stops reading too, and the writer waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from abc import ABC, abstractmethod
from typing import Any

from ...errors import Ended, NotSupported, UsageError
from ..base import Exit, Mark, Running, Terminal
from .ways import Stream

_CHUNK = 256 * 1024
_HEADER = struct.Struct(">BxxxL")
_END_OF_INPUT = b"\x04"  # Ctrl-D
#: Fed at a time, so that the end of the process is noticed between two.
_PIECE = 64 * 1024
#: Docker itself lets go of the outputs of a process that has ended within 2 s, whoever else holds them (seconds).
_LAST_WORDS = 3.0
#: How a process ends whose container is killed.
KILLED = Exit(signal=9)
#: Codes of processes that may never have been the program they should be.
_FAILURES = (1, 125, 126, 127, 255)


class Process(ABC):
    """What can be done to a process besides feeding and reading it."""

    @abstractmethod
    async def signal(self, number: int) -> None:
        """As :meth:`~tfnz_jupyter.engines.base.Running.signal`."""

    @abstractmethod
    async def end(self, grace: float) -> None:
        """As :meth:`~tfnz_jupyter.engines.base.Running.end`."""

    @abstractmethod
    async def resize(self, columns: int, rows: int) -> None:
        """Give its terminal another size."""

    @abstractmethod
    async def ask(self) -> None:
        """Its streams have ended: see whether it has, where no news has said so."""


class DockerRunning(Running):
    """See :class:`~tfnz_jupyter.engines.base.Running`.

    Args:
        stream: the connection; ours, and closed at the end.
        process: who it is to Docker.
        terminal: what it has in place of three pipes.
    """

    def __init__(self, stream: Stream, process: Process, terminal: Terminal | None) -> None:
        self._reader, self._writer = stream
        self._writer.transport.set_write_buffer_limits(0)
        self._process, self._terminal = process, terminal
        self._exit: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self._frame: tuple[Mark, int] | None = None  # under way: whose it is, and bytes to come
        self._head = self._buffer = b""
        self._reading: asyncio.Future[bytes] | None = None
        self._held: list[tuple[Mark, bytes]] = []  # was read, and is still to be given
        self._over = False
        self._fed_up = False  # no more input is taken
        self._fresh = True  # nothing was typed on this line yet
        self._writing = asyncio.Lock()

    # -- output

    async def read(self) -> tuple[Mark, bytes] | None:
        if self._held:
            return self._held.pop(0)
        if self._over:
            return None
        while (data := await self._some()) is not None:
            if data:
                return data
        self.release()
        await self.ask()
        return None

    async def first_word(self, within: float) -> bytes | None:
        """What :meth:`read` will give first; None where nothing comes, or where it ended as only a program does."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                if self._reading is None:
                    self._reading = asyncio.ensure_future(self._reader.read(_CHUNK))
                await _first_of(self._reading, self._exit)
                if not self._exit.done() or self._exit.result().code in _FAILURES:
                    self._held += [found] if (found := await self.read()) is not None else []
        return self._held[0][1] if self._held else None

    async def first_line(self, within: float) -> bytes:
        """The first line on standard output, which :meth:`read` will not give: all there is of it where it ends before."""
        line, others, size = b"", list[tuple[Mark, bytes]](), 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                while b"\n" not in line and size < _CHUNK:
                    if (found := await self.read()) is None:
                        break
                    size += len(found[1])
                    if found[0] is Mark.OUT:
                        line += found[1]
                    else:
                        others.append(found)
        line, _, rest = line.partition(b"\n")
        self._held = [*others, *([(Mark.OUT, rest)] if rest else [])]
        return line.strip()

    async def _some(self) -> tuple[Mark, bytes] | tuple[()] | None:
        """A chunk; nothing yet; or None at the end."""
        if self._terminal is not None:
            data = await self._received(_CHUNK)
            return (Mark.OUT, data) if data else None
        if self._frame is None:
            return await self._begin_frame()
        mark, left = self._frame
        data = await self._received(min(left, _CHUNK))
        self._frame = (mark, left - len(data)) if left > len(data) else None
        return (mark, data) if data else None

    async def _begin_frame(self) -> tuple[()] | None:
        data = await self._received(_HEADER.size - len(self._head))
        self._head += data
        if not data:
            return None
        if len(self._head) == _HEADER.size:
            mark, size = _HEADER.unpack(self._head)
            self._head = b""
            self._frame = (Mark.ERR if mark == 2 else Mark.OUT, size) if size else None
        return ()

    async def _received(self, most: int) -> bytes:
        """Up to so many bytes; empty at the end of the connection, or a moment after that of the process."""
        if not self._buffer:
            self._buffer = await self._arriving()
        data, self._buffer = self._buffer[:most], self._buffer[most:]
        return data

    async def _arriving(self) -> bytes:
        """What comes next. Who gives up waiting for it leaves it to the next."""
        reading = self._reading = self._reading or asyncio.ensure_future(self._reader.read(_CHUNK))
        await _first_of(reading, self._exit)
        if not reading.done():
            await asyncio.wait({reading}, timeout=_LAST_WORDS)
        if not reading.done():
            return b""
        self._reading = None
        try:
            return reading.result()
        except OSError:
            return b""

    # -- input

    async def write(self, data: bytes) -> None:
        async with self._writing:
            for start in range(0, len(data), _PIECE):
                await self._feed(data[start : start + _PIECE])
            if data:
                self._fresh = data.endswith((b"\n", b"\r"))

    async def _feed(self, piece: bytes) -> None:
        if self._fed_up or self._exit.done():
            raise Ended("standard input is closed")
        self._writer.write(piece)
        draining = asyncio.ensure_future(self._writer.drain())
        try:
            await _first_of(draining, self._exit)
            if draining.done() and draining.exception() is not None:
                raise Ended("the process has closed its standard input")
        finally:
            draining.cancel()

    async def write_eof(self) -> None:
        async with self._writing:
            if self._terminal is not None:
                await self._type_end()
            elif not self._fed_up:
                self._close_input()

    async def _type_end(self) -> None:
        """Ctrl-D: twice behind an unfinished line, for the first one only passes that on."""
        with contextlib.suppress(Ended):
            await self._feed(_END_OF_INPUT if self._fresh else _END_OF_INPUT * 2)
        self._fresh = True

    def _close_input(self) -> None:
        if self._exit.done():
            return
        if not self._writer.can_write_eof():
            raise NotSupported("end of input: half of a TLS connection cannot be closed")
        self._fed_up = True
        with contextlib.suppress(OSError):
            self._writer.write_eof()

    # -- the process

    async def signal(self, number: int) -> None:
        if not self._exit.done():
            await self._process.signal(number)

    async def end(self, grace: float) -> None:
        if not self._exit.done():
            await self._process.end(grace)

    async def resize(self, columns: int, rows: int) -> None:
        if self._terminal is None:
            raise UsageError("this process has no terminal")
        if not self._exit.done():
            await self._process.resize(columns, rows)

    async def ask(self) -> None:
        """See whether it has ended, where news may not have said so."""
        if not self._exit.done():
            await self._process.ask()

    async def wait(self) -> Exit:
        return await asyncio.shield(self._exit)

    @property
    def ended(self) -> bool:
        """Whether it is known how it ended."""
        return self._exit.done()

    def exited(self, how: Exit) -> None:
        """It has ended; what it wrote can still be read."""
        if not self._exit.done():
            self._exit.set_result(how)

    def release(self) -> None:
        """Nobody will read any more."""
        self._over = True
        if self._reading is not None:
            self._reading.cancel()
        self._writer.close()


async def _first_of(*futures: asyncio.Future[Any]) -> None:
    """Return once one of them is done."""
    await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)


def from_code(code: int, *, out_of_memory: bool = False) -> Exit:
    """How a process ended, by Docker's word for it: 128 + n is taken for signal n."""
    if 128 < code <= 128 + 64:
        reason = "out of memory: its memory limit was reached" if out_of_memory else ""
        return Exit(signal=code - 128, reason=reason)
    return Exit(code=code)
