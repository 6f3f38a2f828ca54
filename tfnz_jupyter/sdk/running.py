"""What else runs in a container, and what its command is fed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ..blocking import verb
from ..errors import Unreachable
from ..wire import messages as m
from . import asking
from .handle import new_id
from .living import Living
from .process import Process
from .streams import ERR, OUT

Callback = Callable[..., object]


class Running(Living):
    """The part of a container that runs processes."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._processes: dict[str, Process] = {}

    def all_processes(self) -> list[Process]:
        """Those started through this object that still run."""
        return list(self._processes.values())

    @verb
    async def spawn_process(
        self,
        cmd: str | list[str],
        data_callback: Callback | None = None,
        termination_callback: Callback | None = None,
        stderr_callback: Callback | None = None,
    ) -> Process:
        """Start one more process: a list runs as it is, a string through ``/bin/sh -c``.

        Args:
            data_callback: ``(process, bytes)`` for what it prints; stderr too, unless that has its own.
            termination_callback: ``(process, returncode)``, once, after the last output.
            stderr_callback: ``(process, bytes)``.

        Raises:
            EngineFailed: there is no such command in the container.
            ContainerEnded: it is over.
        """
        words = asking.command(cmd)
        await self._running()
        process = Process(new_id(), self._whole, cmd, self._connection, termination_callback)
        process._output.give(process, data_callback, stderr_callback or data_callback)
        await self._execute(process, words)
        return process

    @verb
    async def run_process(
        self,
        cmd: str | list[str],
        *,
        data_callback: Callback | None = None,
        stderr_callback: Callback | None = None,
        nolog: bool = False,
    ) -> tuple[bytes, bytes, int]:
        """Run a process to its end: what it printed, what it printed on stderr, its exit code.

        A non-zero code is not an exception. An interrupt kills the process. The callbacks get ``(container, bytes)``
        as it comes; ``nolog`` keeps what it prints out of the returned bytes.

        Raises:
            EngineFailed: there is no such command in the container.
            ContainerEnded: it is over. (A process that is killed with its container returns 137.)
        """
        words = asking.command(cmd)
        await self._running()
        process = Process(new_id(), self._whole, cmd, self._connection, None)
        kept: dict[int, list[bytes]] = {OUT: [], ERR: []}
        process._output.gather(None if nolog else kept)
        process._output.give(self, data_callback, stderr_callback)
        await self._execute(process, words)
        process._input.finish()
        try:
            await process.wait_exit.aio()
        except asyncio.CancelledError:
            process._abandon()
            raise
        if process.returncode is None:
            self._raise_over()
        if process.log.lost_bytes:
            raise Unreachable(
                f"{process.log.lost_bytes:,} bytes of its output were lost: the location was killed meanwhile"
            )
        return b"".join(kept[OUT]), b"".join(kept[ERR]), process.returncode

    @verb
    async def stdin(self, data: bytes) -> None:
        """Feed the standard input of its command; returns when all is on its way.

        Raises:
            Ended: it no longer reads.
        """
        await self._running()
        await self._input.write(asking.octets(data))

    @verb
    async def stdin_eof(self) -> None:
        """End of its standard input. Idempotent."""
        await self._running()
        self._input.finish()

    def _process_ended(self, news: m.ProcessEnded) -> None:
        if (process := self._processes.pop(news.process, None)) is not None:
            process._ended(news.code, news.reason)
            self._changed()

    async def _execute(self, process: Process, words: list[str]) -> None:
        output = self._connection.number()
        self._connection.read(self._stream(output, process._output, process.uuid))
        self._processes[process.uuid] = process
        try:
            await self._connection.call(
                m.Execute(self.uuid, process.uuid, words, output, process._input.stream)
            )
        except BaseException:
            process._abandon()  # where the call was cancelled, it may have come to run
            self._processes.pop(process.uuid, None)
            self._connection.drop(output)
            self._connection.forget(process._input)
            raise
        self._changed()
