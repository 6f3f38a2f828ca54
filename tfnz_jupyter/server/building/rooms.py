"""The containers of one build: asleep, of a draft's layers, with nothing in them but what the step does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from ...engines.base import (
    ContainerSpec,
    Engine,
    Exit,
    ImageInfo,
    Limits,
    ProcessSpec,
    Report,
    Running,
)
from ...engines.building import Changes, Workshop
from ...engines.files import Files
from ...errors import Ended
from ..images.tools import uncancelled

Log = Callable[[bytes], Awaitable[None]]
_NAME = "build"  # the host name in a step
_TAIL = 4096  # bytes of its output that a failed command's error repeats
_QUIET = 0.2  # seconds without a word from what a command left behind


@dataclass(frozen=True, slots=True)
class Command:
    """What a step runs, as whom, where."""

    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...]
    cwd: str
    user: str
    input: bytes = b""


@dataclass(frozen=True, slots=True)
class Site:
    """Where a build happens: an engine with its workshop, a node of it, what its containers may use.

    ``new_id`` gives ids for containers and processes.
    """

    engine: Engine
    workshop: Workshop
    blobs: Path
    node: str
    limits: Limits
    new_id: Callable[[], str]


class Room:
    """One container."""

    def __init__(self, site: Site, key: str) -> None:
        self._site, self.id = site, key
        self.tail = b""  # of what its commands printed
        self._printed = 0

    @property
    def files(self) -> Files:
        return self._site.engine.files(self.id)

    async def changes(self, file: Path) -> Changes | None:
        """Write what was written in it as a layer; None where that is nothing."""
        return await self._site.workshop.changes(self.id, file)

    async def run(self, command: Command, log: Log) -> Exit:
        """Run a command to its end; what it leaves running is not waited for."""
        spec = ProcessSpec(
            self._site.new_id(), command.argv, command.env, command.cwd, command.user
        )
        process = await self._site.engine.execute(self.id, spec)
        printing = asyncio.ensure_future(self._print(process, log))
        feeding = asyncio.ensure_future(_feed(process, command.input))
        try:
            return await self._ended(process, printing)
        finally:
            for task in (printing, feeding):
                task.cancel()
            await asyncio.gather(printing, feeding, return_exceptions=True)

    async def _ended(self, process: Running, printing: asyncio.Task[None]) -> Exit:
        """How it ended, once nothing more comes from it. Raises what printing did."""
        end = asyncio.ensure_future(process.wait())
        try:
            await asyncio.wait({end, printing}, return_when=asyncio.FIRST_EXCEPTION)
            if printing.done():
                printing.result()
            found = await end
        finally:
            end.cancel()
        seen = -1
        while not printing.done() and seen != self._printed:
            seen = self._printed
            await asyncio.wait({printing}, timeout=_QUIET)
        return found

    async def _print(self, process: Running, log: Log) -> None:
        while (chunk := await process.read()) is not None:
            data = chunk[1]
            self._printed += len(data)
            self.tail = (self.tail + data)[-_TAIL:]
            await log(data)
            self._printed += 1  # it was taken: a slow reader is not quiet


async def _feed(process: Running, data: bytes) -> None:
    with contextlib.suppress(Ended):  # it did not want all of it
        if data:
            await process.write(data)
        await process.write_eof()


class Rooms:
    """Makes them. Call :meth:`forget` when there are none any more."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._used: dict[str, ImageInfo] = {}

    @contextlib.asynccontextmanager
    async def room(
        self, image: ImageInfo, egress: str | tuple[str, ...], report: Report
    ) -> AsyncIterator[Room]:
        """A container of an image that runs nothing; at the end of the block nothing is left of it."""
        site = self._site
        await self.prepare(image, report)
        spec = ContainerSpec(
            site.new_id(), _NAME, image, (), (), "/", "",
            limits=site.limits, egress=egress, asleep=True,
        )  # fmt: skip
        try:
            await site.engine.boot(spec, site.node)
            yield Room(site, spec.id)
        finally:
            await uncancelled(site.engine.destroy(spec.id, 0))

    async def prepare(self, image: ImageInfo, report: Report) -> None:
        """Make bootable what containers are going to be made of."""
        self._used[image.id] = image
        await self._site.workshop.prepare(image, self._site.blobs, report)

    async def forget(self) -> None:
        """What they were made of is not needed any more."""
        await uncancelled(self._site.workshop.forget([*self._used.values()]))
