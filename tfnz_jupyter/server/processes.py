"""One live process as the location sees it: its log, its standard input, its end."""

from __future__ import annotations

import asyncio
import signal

from ..engines.base import Exit, Running
from .log import Log
from .streams import InStream, OutStream

#: After its end, a process whose pipe says nothing for this long has said everything (seconds).
_QUIET = 0.1


class Process:
    """Pumps a running process between the engine and one session's streams."""

    def __init__(self, output: OutStream, input: InStream, *, lossless: bool) -> None:
        self.log = Log()
        self.input = input
        self.running: Running | None = None
        self._killing: asyncio.Future[None] | None = None
        output.start(self.log.reader(lossless=lossless))

    async def run(self, running: Running) -> Exit:
        """Pump until it has ended and everything it printed is in the log."""
        self.running = running
        feeding = asyncio.ensure_future(self.input.feed(running))
        printing = asyncio.ensure_future(self._print(running))
        try:
            end = await running.wait()
            await self._drained(printing)
            return end
        finally:
            feeding.cancel()
            printing.cancel()
            self.input.close()
            self.log.end()

    async def _print(self, running: Running) -> None:
        while (chunk := await running.read()) is not None:
            self.log.append(*chunk)
            await self.log.room()

    async def _drained(self, printing: asyncio.Future[None]) -> None:
        """Return at the end of output, or when nothing comes any more: a child left behind may keep the pipe open."""
        self.log.release()
        seen = -1
        while not printing.done() and seen != self.log.total:
            seen = self.log.total
            await asyncio.wait({printing}, timeout=_QUIET)

    def kill(self) -> None:
        """End it; nobody waits for that."""
        if self.running is not None:
            self._killing = asyncio.ensure_future(self.running.signal(signal.SIGKILL))

    def close(self) -> None:
        """It never came to run."""
        self.input.close()
        self.log.end()


def describe(end: Exit) -> str:
    """An end in words."""
    if end.reason:
        return end.reason
    if end.signal is not None:
        return f"killed by signal {end.signal} ({_signal_name(end.signal)})"
    return f"exited with code {end.code}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"
