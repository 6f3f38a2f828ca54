"""How containers and processes come to run: what is asked of the keeper, in which order, and what is written between.

A container is made in two steps, so that the first can later be done ahead of time: *prepare* (mounts, network, cgroups;
the keeper answers with a descriptor of the root), then, with the user's files and ``config.json`` written through that
descriptor, *start*. A reboot does the second step again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable

from ...errors import EngineFailed, UsageError
from .. import reasons
from ..base import Mark, ProcessSpec, Terminal
from ..threads import Threads
from . import exits, messages
from .bundle import Places
from .container import Container, ended
from .link import Link
from .running import PipedRunning, TerminalRunning
from .running import running as running_of

_LATE = 1.0  # seconds that crun may take to end after it said that execve failed


class Starts:
    """Everything that begins.

    Args:
        keeper: gives the link to it.
        disk: where files are written.
    """

    def __init__(self, keeper: Callable[[], Awaitable[Link]], disk: Threads) -> None:
        self._keeper, self._disk = keeper, disk
        self._at_once = asyncio.Semaphore(2 * (os.cpu_count() or 1))

    async def first(self, container: Container) -> PipedRunning:
        """Boot a container: its first process."""
        link = await self._keeper()
        async with self._at_once:
            await self._disk.run(container.make_folders)
            places = await self._prepare(link, container, container.preparation(link.number()))
            if container.spec.files:
                await container.with_files(self._disk, container.write_files)
                await container.let_go()
                places = await self._prepare(link, container, self._seal(link, container))
            await container.with_files(self._disk, lambda: container.furnish(places))
            return await self._start(link, container)

    def _seal(self, link: Link, container: Container) -> messages.Seal:
        return messages.Seal(link.number(), container.spec.id)

    async def _prepare(
        self, link: Link, container: Container,
        ask: messages.Prepare | messages.Seal | messages.Reboot,
    ) -> Places:  # fmt: skip
        answer, fds = await link.ask(ask)
        assert isinstance(answer, messages.Prepared)
        return container.prepared(answer, fds)

    async def again(self, container: Container, *, grace: float, reset: bool) -> PipedRunning:
        """Reboot a container: its new first process.

        Raises:
            ContainerEnded: it ended meanwhile.
            EngineFailed: it did not come up again.
        """
        link, spec = await self._keeper(), container.spec
        container.rebooting = True
        container.turns += 1
        await container.let_go()
        number = reasons.signal_number(spec.image.stop_signal)
        ask = messages.Reboot(link.number(), spec.id, number, grace, reset, container.asleep)
        try:
            places = await self._prepare(link, container, ask)
        except EngineFailed as error:
            if container.unwanted or error.message == messages.OVER:
                raise ended(spec.id) from None
            raise
        link.tell(messages.Noted(spec.id))  # its former end is nobody's news
        if reset:
            await self._disk.run(container.forget_changes)
        await container.with_files(self._disk, lambda: container.configure(places))
        return await self._start(link, container)

    async def awake(self, container: Container) -> PipedRunning:
        """Run the command of a sleeper; its first process.

        Raises:
            UsageError: it has none.
            EngineFailed: there is no such command.
        """
        spec = container.spec
        running = container.running.get(spec.id)
        if running is None:
            raise ended(spec.id)
        if not container.asleep:
            return running
        if not spec.argv:
            raise UsageError("there is nothing to run", hint="Give the spawn a command.")
        if not await container.with_files(self._disk, container.has_command):
            raise reasons.no_command(spec.argv[0], spec.image.reference)
        container.asleep = False
        if await container.with_files(self._disk, container.is_hollow):
            return await self.again(container, grace=0, reset=False)
        link = await self._keeper()
        await link.ask(messages.Wake(link.number(), spec.id))
        await self._see_it_run(running, container, spec.argv)
        return running

    async def another(self, container: Container, spec: ProcessSpec) -> PipedRunning:
        """One more process in a container."""
        link = await self._keeper()
        async with self._at_once:
            user = await container.with_files(self._disk, lambda: container.write_process(spec))
            ask = messages.Execute(
                link.number(), spec.id, container.spec.id, container.owner, user,
                spec.terminal is not None,
            )  # fmt: skip
            return await self._started(link, container, ask, spec.argv, spec.terminal)

    async def _start(self, link: Link, container: Container) -> PipedRunning:
        ask = messages.Start(link.number(), container.spec.id, container.user)
        spec = container.spec
        return await self._started(link, container, ask, spec.argv, spec.terminal)

    async def _started(
        self, link: Link, container: Container, ask: messages.Start | messages.Execute,
        argv: tuple[str, ...], terminal: Terminal | None,
    ) -> PipedRunning:  # fmt: skip
        """Have a process started, and take its pipes; an execve that failed is an error here."""
        name = ask.id
        container.launching[name] = None
        try:
            _answer, fds = await link.ask(ask)
        except EngineFailed as error:
            if link.ended:
                raise
            raise exits.why(error.message, argv, container.spec) from None
        finally:
            already = container.launching.pop(name)
        running = container.running[name] = running_of(name, fds, link.tell)
        if isinstance(running, TerminalRunning) and terminal and not terminal.echo:
            running.hush()
        if already is not None:
            container.exited(name, already)
        await self._see_it_run(running, container, argv)
        return running

    async def _see_it_run(
        self, running: PipedRunning, container: Container, argv: tuple[str, ...]
    ) -> None:
        """Raise what crun has to say where its execve failed."""
        first = running.peek()
        if first is None or not exits.is_late_error(first[1]):
            return
        if first[0] is Mark.OUT and not isinstance(running, TerminalRunning):
            return
        with contextlib.suppress(TimeoutError):
            how = await asyncio.wait_for(running.wait(), _LATE)
            if how.code:
                words = first[1].decode(errors="replace").strip()
                raise exits.why(words, argv, container.spec)
