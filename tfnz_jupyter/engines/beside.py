"""Programs of the location's own, on its own machine: for engines whose containers are reached from there.

They end with the location, for the kernel kills them when it goes, in whatever way.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Sequence
from pathlib import Path

from ..errors import EngineFailed, UsageError
from .base import Exit, Mark, Running
from .unprivileged import NUMBER, command, hand_over

_CHUNK = 1 << 16


async def start(argv: Sequence[str], folder: Path) -> Program:
    """Run one that works in ``folder``, which becomes its own. See :meth:`~tfnz_jupyter.engines.base.Engine.beside`.

    Raises:
        EngineFailed: it cannot be started.
    """
    owner = NUMBER if os.geteuid() == 0 else None
    try:
        if owner is not None:
            await asyncio.to_thread(hand_over, folder, owner)
        process = await asyncio.create_subprocess_exec(
            *command(argv, os.fspath(folder), owner, "--pdeathsig=KILL"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as problem:
        raise EngineFailed(f"{argv[0]} cannot be started: {problem.strerror}") from problem
    return Program(process)


class Program(Running):
    """One that runs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._process, self._input = process, process.stdin
        self._open = {Mark.OUT: process.stdout, Mark.ERR: process.stderr}
        self._reading: dict[Mark, asyncio.Task[bytes]] = {}

    async def read(self) -> tuple[Mark, bytes] | None:
        while self._open:
            for mark, stream in self._open.items():
                if mark not in self._reading:
                    self._reading[mark] = asyncio.ensure_future(stream.read(_CHUNK))
            await asyncio.wait(self._reading.values(), return_when=asyncio.FIRST_COMPLETED)
            for mark in [mark for mark, task in self._reading.items() if task.done()]:
                data = self._reading.pop(mark).result()
                if data:
                    return mark, data
                del self._open[mark]
        return None

    async def write(self, data: bytes) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._input.write(data)
            await self._input.drain()

    async def write_eof(self) -> None:
        self._input.close()

    async def signal(self, number: int) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    async def end(self, grace: float) -> None:
        await self.signal(signal.SIGTERM)
        loop = asyncio.get_running_loop()
        loop.call_later(grace, lambda: asyncio.ensure_future(self.signal(signal.SIGKILL)))

    async def resize(self, columns: int, rows: int) -> None:
        raise UsageError("it has no terminal")

    async def wait(self) -> Exit:
        code = await self._process.wait()
        return Exit(code=code) if code >= 0 else Exit(signal=-code)
