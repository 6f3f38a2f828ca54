"""One live process as the location sees it: its log, its standard input, its end."""

from __future__ import annotations

import asyncio
import signal

from ..engines.base import Exit, Running, Taken
from .log import Log
from .streams import InStream, OutStream

#: After its end, a process whose pipe says nothing for this long has said everything (seconds).
_QUIET = 2.0


class Process:
    """Pumps a running process between the engine and the streams of sessions.

    Args:
        taken: what an earlier location had read of it and fed to it.
    """

    def __init__(self, taken: Taken | None = None) -> None:
        taken = taken or Taken()
        self.fed = taken.fed
        self.log = Log()
        self.log.begin_at(taken.read, taken.lines)
        self.running: Running | None = None
        self._inputs: list[InStream] = []
        self._feeding: set[asyncio.Future[None]] = set()
        self.lives = False
        self._killing: asyncio.Future[None] | None = None

    def follow(
        self,
        output: OutStream,
        *,
        lossless: bool,
        offset: int = 0,
        lines: int = 0,
        until: int | None = None,
    ) -> None:
        """Send what it prints to a stream, from the first byte, or from where its reader had come to."""
        output.start(self.log.reader(lossless=lossless, offset=offset, lines=lines, until=until))

    def feed(self, input: InStream) -> None:
        """Feed its standard input from a stream, once it runs and for as long as it does."""
        if self.log.ended:
            return input.close()
        self._inputs.append(input)
        if self.running is not None:
            self._begin_to_feed(input, self.running)
        return None

    def replace(self, before: InStream | None, after: InStream) -> None:
        """Feed the next that will run here from another stream than this one."""
        if before is not None and before in self._inputs:
            self._inputs.remove(before)
            before.close()
        self._inputs.append(after)

    async def run(self, running: Running) -> Exit:
        """Pump until it has ended and everything it printed is in the log; another may run in its place then."""
        self.running, self.lives = running, True
        self.log.hold()
        for input in self._inputs:
            self._begin_to_feed(input, running)
        printing = asyncio.ensure_future(self._print(running))
        try:
            end = await running.wait()
            self.lives = False
            await self._drained(printing)
            return end
        finally:
            self.lives = False
            printing.cancel()
            for feeding in self._feeding:
                feeding.cancel()

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
        """It is over, or never came to run. Idempotent."""
        for feeding in self._feeding:
            feeding.cancel()
        for input in self._inputs:
            input.close()
        self._inputs.clear()
        self.log.end()

    def _begin_to_feed(self, input: InStream, running: Running) -> None:
        feeding = asyncio.ensure_future(input.feed(running))
        self._feeding.add(feeding)
        feeding.add_done_callback(self._feeding.discard)


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
