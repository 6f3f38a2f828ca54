"""Signals to processes: to the first by Docker, to those beside it by pid, where the host is this machine.

Docker has no call for the latter. They are found by their pid there, and all that they started with them, as the embedded
engine does it where it has no control groups: who left the session, and lost its parent, is not found.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import TYPE_CHECKING

from ...errors import NotSupported
from ..background import Background
from ..embedded import offspring
from .hosts import BROKEN
from .running import Process, from_code

if TYPE_CHECKING:
    from .containers import Container

#: Signals that are meant to end a process.
_ENDS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
_FAR = "processes beside a container's first cannot be signalled: their host is another machine"


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
        self.pid = 0
        self._session = 0

    async def look(self) -> int | None:
        """Find its pid, if it runs; its code, if it does so no longer, or never did."""
        found = await self._container.host.inspect_exec(self.key)
        if not found["Running"]:
            return None if found["ExitCode"] is None else int(found["ExitCode"])
        self.pid = int(found.get("Pid") or 0)
        if self.pid and self._container.host.is_near:
            self._session = offspring.session(self.pid)
        return None

    async def ask(self) -> None:
        with contextlib.suppress(*BROKEN):
            code = await self.look()
            if code is not None:
                self._container.process_died(self.key, from_code(code))

    async def signal(self, number: int) -> None:
        self._require_near()
        if number == signal.SIGKILL:
            self._kill_all()
        elif number in _ENDS:
            self._background.begin(self._end_with(number))
        else:
            _send(self.pid, number)

    async def end(self, grace: float) -> None:
        self._require_near()
        self._background.begin(self._ask_then_kill(grace))

    async def resize(self, columns: int, rows: int) -> None:
        await self._container.host.resize_exec(self.key, columns, rows)

    def _require_near(self) -> None:
        if not self._container.host.is_near:
            raise NotSupported(_FAR)

    def _family(self) -> list[int]:
        return [pid for pid in offspring.find(self.pid, self._session) if self._is_ours(pid)]

    def _kill_all(self) -> None:
        if not self._is_ours(self.pid):
            return
        for pid in offspring.hold(self.pid, self._session):
            _send(pid, signal.SIGKILL)

    async def _end_with(self, number: int) -> None:
        """The signal, and, once the process has ended of it, KILL to what it had started."""
        family = self._family()
        _send(self.pid, number)
        if await self._ends_within(None):
            for pid in family:
                if self._is_ours(pid):
                    _send(pid, signal.SIGKILL)

    async def _ask_then_kill(self, grace: float) -> None:
        family = self._family()
        for pid in family:
            _send(pid, signal.SIGTERM)
        await self._ends_within(grace)
        self._kill_all()
        for pid in family:
            if self._is_ours(pid):
                _send(pid, signal.SIGKILL)

    async def _ends_within(self, grace: float | None) -> bool:
        running = self._container.processes.get(self.key)
        if running is None:
            return True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(running.wait(), grace)
            return True
        return False

    def _is_ours(self, pid: int) -> bool:
        """Whether a pid is still one of the container's: numbers are given anew."""
        try:
            with open(f"/proc/{pid}/cgroup") as file:
                return self._container.id in file.read()
        except OSError:
            return False


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
