"""What can be done to a container's processes: to the first by Docker, to those beside it by their family."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING

import aiodocker

from ..background import Background
from ..base import Exit
from ..embedded import offspring
from .families import Family, Far, Near
from .hosts import BROKEN
from .running import KILLED, Process, from_code

if TYPE_CHECKING:
    from .containers import Container

#: Signals that are meant to end a process.
_ENDS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


class First(Process):
    """A container's first process."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self._background = Background()

    async def signal(self, number: int) -> None:
        await self._container.kill(number)

    async def end(self, grace: float) -> None:
        self._background.begin(self._end(grace))

    async def _end(self, grace: float) -> None:
        running = self._container.running
        await self.signal(signal.SIGTERM)
        await asyncio.sleep(grace)
        if running is self._container.running:  # no reboot has put another in its place
            await self.signal(signal.SIGKILL)

    async def resize(self, columns: int, rows: int) -> None:
        with contextlib.suppress(
            ValueError, *BROKEN
        ):  # aiodocker wants JSON where there is nothing
            await self._container.docker.resize(h=rows, w=columns)

    async def ask(self) -> None:
        with contextlib.suppress(*BROKEN):
            await self._container.resync()


class Beside(Process):
    """One more process.

    Args:
        key: Docker's id of it.
    """

    def __init__(self, container: Container, key: str) -> None:
        self._container, self.key = container, key
        self._background = Background()
        self.pid = 0  # here, or, on another machine, in its container
        self._session = 0

    async def ask(self) -> None:
        with contextlib.suppress(*BROKEN):
            how = await self._look()
            if how is not None:
                self._container.process_died(self.key, how)

    async def _look(self) -> Exit | None:
        """Find its pid, if it runs on this machine; how it ended, if it runs no longer, or never did."""
        try:
            found = await self._container.host.inspect_exec(self.key)
        except aiodocker.DockerError as problem:
            if problem.status != 404:
                raise
            return KILLED  # forgotten with the container that it was in, or with its life before this one
        if not found["Running"]:
            return None if found["ExitCode"] is None else from_code(int(found["ExitCode"]))
        if self._container.host.is_near:
            self.pid = int(found.get("Pid") or 0)
            self._session = offspring.session(self.pid) if self.pid else 0
        return None

    async def signal(self, number: int) -> None:
        if number == signal.SIGKILL:
            await self._family.end()
        elif number in _ENDS:
            self._background.begin(self._end_with(number))
        else:
            await self._family.send(number, [self.pid])

    async def end(self, grace: float) -> None:
        self._background.begin(self._ask_then_kill(grace))

    async def resize(self, columns: int, rows: int) -> None:
        await self._container.host.resize_exec(self.key, columns, rows)

    @property
    def _family(self) -> Family:
        if self._container.host.is_near:
            return Near(self._container.id, self.pid, self._session)
        return Far(self._container, self.pid)

    async def _end_with(self, number: int) -> None:
        """The signal, and, once the process has ended of it, KILL to what it had started."""
        family = await self._family.find()
        await self._family.send(number, [self.pid])
        if await self._ends_within(None):
            await self._family.send(signal.SIGKILL, family)

    async def _ask_then_kill(self, grace: float) -> None:
        family = await self._family.find()
        await self._family.send(signal.SIGTERM, family)
        await self._ends_within(grace)
        await self._family.end()
        await self._family.send(signal.SIGKILL, family)

    async def _ends_within(self, grace: float | None) -> bool:
        running = self._container.processes.get(self.key)
        if running is None:
            return True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(running.wait(), grace)
            return True
        return False
