"""What else runs in a container, and what its command is fed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from ..blocking import verb
from ..errors import Unreachable, UsageError
from ..wire import messages as m
from . import asking
from .deadline import within
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
        *,
        cwd: str | None = None,
        env: asking.Pairs | None = None,
        user: str | None = None,
        terminal: asking.Size = None,
    ) -> Process:
        """Start one more process: a list runs as it is, a string through ``/bin/sh -c``.

        Args:
            data_callback: ``(process, bytes)`` for what it prints; stderr too, unless that has its own.
            termination_callback: ``(process, returncode)``, once, after the last output.
            stderr_callback: ``(process, bytes)``.
            cwd: where it starts; the container's working directory if not given.
            env: names and values, added to the container's own.
            user: whom it runs as, a name or number of the image's; the container's if not given.
            terminal: True or (columns, rows) for one in place of the pipes; its outputs are then one.

        Raises:
            EngineFailed: there is no such command in the container.
            ContainerEnded: it is over.
        """
        wish = _wish(asking.command(cmd), cwd, env, user, terminal)
        await self._running()
        process = Process(new_id(), self._whole, cmd, self._connection, termination_callback)
        process._output.give(process, data_callback, stderr_callback or data_callback)
        await self._execute(process, wish)
        return process

    @verb
    async def spawn_shell(
        self,
        *,
        data_callback: Callback | None = None,
        termination_callback: Callback | None = None,
        echo: bool = False,
        cwd: str | None = None,
        env: asking.Pairs | None = None,
        user: str | None = None,
        terminal: asking.Size = True,
    ) -> Process:
        """Start the best shell the image has, on a terminal: feed it with ``stdin``, a line ends with a newline.

        Args:
            data_callback: ``(process, bytes)`` for what it prints.
            termination_callback: ``(process, returncode)``, once, after the last output.
            echo: whether the terminal shows what is typed.
            cwd, env, user: as for :meth:`spawn_process`.
            terminal: True for 80 columns and 24 rows, or (columns, rows).

        Raises:
            EngineFailed: the image has no shell.
            ContainerEnded: it is over.
        """
        wish = _wish([], cwd, env, user, terminal or True)
        await self._running()
        process = Process(new_id(), self._whole, "shell", self._connection, termination_callback)
        process._output.give(process, data_callback, None)
        await self._execute(process, msgspec.structs.replace(wish, echo=bool(echo)))
        return process

    @verb
    async def run_process(
        self,
        cmd: str | list[str],
        *,
        data_callback: Callback | None = None,
        stderr_callback: Callback | None = None,
        nolog: bool = False,
        input: bytes = b"",
        cwd: str | None = None,
        env: asking.Pairs | None = None,
        user: str | None = None,
        timeout: float | None = None,
    ) -> tuple[bytes, bytes, int]:
        """Run a process to its end: what it printed, what it printed on stderr, its exit code.

        A non-zero code is not an exception. An interrupt kills the process. The callbacks get ``(container, bytes)``
        as it comes; ``nolog`` keeps what it prints out of the returned bytes.

        Args:
            input: what it finds on its standard input, which then ends.
            cwd, env, user: as for :meth:`spawn_process`.
            timeout: seconds it may take; it is killed then, with all that it started.

        Raises:
            EngineFailed: there is no such command in the container.
            TimedOut: it took longer than ``timeout``.
            ContainerEnded: it is over. (A process that is killed with its container returns 137.)
        """
        wish, data = _wish(asking.command(cmd), cwd, env, user, None), asking.octets(input)
        asking.timeout(timeout)
        await self._running()
        process = Process(new_id(), self._whole, cmd, self._connection, None)
        kept: dict[int, list[bytes]] = {OUT: [], ERR: []}
        process._output.gather(None if nolog else kept)
        process._output.give(self, data_callback, stderr_callback)
        await self._execute(process, wish)
        async with within(timeout, f"process {process._words()} still runs"):
            await process._run(data)
        if process.returncode is None and self.dead:
            self._raise_over()
        if process.returncode is None:
            raise Unreachable(f"process {process._words()}: {process.reason}")
        if process.log.lost_bytes:
            raise Unreachable(
                f"{process.log.lost_bytes:,} bytes of its output were lost: the location was killed meanwhile"
            )
        return b"".join(kept[OUT]), b"".join(kept[ERR]), process.returncode

    @verb
    async def destroy_process(self, process: Process, *, grace: float = 1.0) -> None:
        """End a process and all it started: asked by TERM first, killed after ``grace`` seconds; returns when it is over.

        Raises:
            UsageError: it is not one of this container's, or over already.
        """
        if self._processes.get(process.uuid) is not process:
            raise UsageError(f"{process!r} is not a live process of {self.name}")
        asking.amount(grace, "grace", 0)
        await process._destroy(float(grace))

    @verb
    async def resize(self, columns: int, rows: int) -> None:
        """Give the terminal of its command another size.

        Raises:
            UsageError: it has no terminal.
        """
        size = asking.terminal((columns, rows))
        assert size is not None
        await self._running()
        await self._connection.call(m.Resize(self.uuid, "", *size))

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

    async def _execute(self, process: Process, wish: m.Execute) -> None:
        output = self._connection.number()
        self._connection.read(self._stream(output, process._output, process.uuid))
        self._processes[process.uuid] = process
        try:
            await self._connection.call(
                msgspec.structs.replace(
                    wish,
                    container=self.uuid,
                    process=process.uuid,
                    output=output,
                    input=process._input.stream,
                )
            )
        except BaseException:
            process._abandon()  # where the call was cancelled, it may have come to run
            self._processes.pop(process.uuid, None)
            self._connection.drop(output)
            self._connection.forget(process._input)
            raise
        self._changed()


def _wish(
    words: list[str],
    cwd: str | None,
    env: asking.Pairs | None,
    user: str | None,
    terminal: asking.Size,
) -> m.Execute:
    """What to ask for, but for who asks and which streams it gets."""
    return m.Execute(
        container="",
        process="",
        command=words,
        output=0,
        input=0,
        env=asking.environment(env),
        cwd=asking.folder(cwd, "cwd"),
        user=asking.user(user),
        terminal=asking.terminal(terminal),
    )
