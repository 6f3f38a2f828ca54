"""Volumes on this machine, and the disk that they and the containers share, for as long as a keeper has it mounted."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from ...errors import EngineFailed, Refused
from .. import places
from ..threads import Threads, to_the_end
from ..volumes import Volumes
from . import btrfs, messages, pool
from .container import Container
from .disk import Disk, Folders, PlainFolders, Subvolumes
from .link import Link

T = TypeVar("T")
_log = logging.getLogger(__name__)


class EmbeddedVolumes(Volumes):
    """See :class:`~tfnz_jupyter.engines.volumes.Volumes`.

    Args:
        state: the engine's folder.
        threads: where the work is done.
        containers: the engine's, by id, as they come and go.
        reserve: bytes of the host's disk that containers leave alone.
    """

    def __init__(
        self, state: Path, threads: Threads, containers: Mapping[str, Container], reserve: int
    ) -> None:
        self._state, self._threads, self._containers = state, threads, containers
        self._reserve = reserve
        self._found: Disk | None = None
        self._link: Link | None = None
        self._lacking = self._broken = ""
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    # -- with the keeper -----------------------------------------------------------------------------------------------

    async def make(self) -> None:
        """Have the pool made, where it can be; before a keeper is started, and while none has it."""
        await self._threads.run(self._make)

    def _make(self) -> None:
        pool.wait_until_free(self._state)
        self._lacking = pool.make(self._state)

    async def attach(self, link: Link, owner: int) -> list[str]:
        """Take the disk from a keeper; what it cannot do, in plain sentences.

        Args:
            owner: host id of the containers' root.
        """
        self._broken = ""
        base, folders = await self._base(link)
        self._link = link
        self._found = await self._threads.run(lambda: Disk(base, folders, owner))
        told = [f"volumes cannot be used: {self._broken}"] if self._broken else []
        if folders.lacking:
            told.append(
                "what containers write is not limited, and snapshots of volumes are copied file by file, so that one made "
                f"while a container writes may catch half of it: {folders.lacking}"
            )
        return told

    async def _base(self, link: Link) -> tuple[int, Folders]:
        try:
            _answer, fds = await link.ask(messages.Pool(link.number()))
        except EngineFailed as error:
            if link.ended:
                raise
            lacking = self._lacking or f"it cannot be mounted: {error.message}"
            if await self._threads.run(lambda: pool.holds_volumes(self._state)):
                self._broken = lacking
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
            return os.open(self._state, flags), PlainFolders(lacking)
        try:
            await self._threads.run(lambda: btrfs.enable_quota(f"/proc/self/fd/{fds[0]}"))
        except OSError as error:
            return fds[0], Subvolumes(str(error.strerror))
        return fds[0], Subvolumes()

    def detach(self) -> None:
        """Let the disk go, so that it can be unmounted. Idempotent."""
        if self._found is not None:
            self._found.close()

    async def freed(self) -> None:
        """Return when nothing holds the pool, or it is plain that something will go on to."""
        try:
            await self._threads.run(lambda: pool.wait_until_free(self._state))
        except EngineFailed as error:
            _log.warning("%s", error)

    @property
    def disk(self) -> Disk:
        """The disk, also when it is closed already."""
        assert self._found is not None
        return self._found

    # -- for containers ------------------------------------------------------------------------------------------------

    def require_space(self) -> None:
        """Raises ``Refused`` while the host's disk is nearly full: full, it would break every container's."""
        free = pool.free(self._state)
        if free < self._reserve:
            raise Refused(
                f"this machine's disk has only {free >> 20:,} MiB left",
                hint="Free some space; containers are started again above "
                f"{self._reserve >> 20:,} MiB.",
            )

    @contextlib.asynccontextmanager
    async def mounting(self, volumes: Sequence[tuple[str, str]]) -> AsyncIterator[None]:
        """While a container is made with these, none of them is exchanged."""
        for _volume, place in volumes:
            places.check_volume(place)
        async with contextlib.AsyncExitStack() as locked:
            for volume in sorted({volume for volume, _place in volumes}):
                await locked.enter_async_context(self._lock(volume))
            yield

    def _lock(self, volume: str) -> asyncio.Lock:
        return self._locks.setdefault(volume, asyncio.Lock())

    # -- deeds ---------------------------------------------------------------------------------------------------------

    async def existing(self) -> set[str]:
        if self._broken:
            raise EngineFailed(f"volumes cannot be used: {self._broken}")
        return await self._threads.run(self.disk.volumes)

    async def create(self, volume: str) -> None:
        await self._do(volume, lambda disk: disk.create_volume(volume))

    async def destroy(self, volume: str) -> None:
        await self._do(volume, lambda disk: disk.destroy_volume(volume))

    async def snapshot(self, volume: str, label: str = "") -> None:
        await self._do(volume, lambda disk: disk.snapshot_volume(volume, label))

    async def snapshots(self, volume: str) -> list[str]:
        return await self._do(volume, lambda disk: disk.snapshots(volume))

    async def rollback(self, volume: str, label: str = "") -> None:
        await _whole(self._rollback(volume, label))

    async def _do(self, volume: str, deed: Callable[[Disk], T]) -> T:
        if self._broken:
            raise EngineFailed(f"volumes cannot be used: {self._broken}")
        async with self._lock(volume):
            return await self._threads.run(lambda: deed(self.disk))

    async def _rollback(self, volume: str, label: str) -> None:
        if self._broken:
            raise EngineFailed(f"volumes cannot be used: {self._broken}")
        async with self._lock(volume):
            await self._threads.run(lambda: self.disk.rollback_volume(volume, label))
            try:
                for container in list(self._containers.values()):
                    await self._renew(container, volume)
            finally:
                await self._threads.run(lambda: self.disk.forget_former(volume))

    async def _renew(self, container: Container, volume: str) -> None:
        """Let a live container see what the volume is by now."""
        place = dict(container.spec.volumes).get(volume)
        if place is None or self._link is None or not _lives(container):
            return
        name = container.spec.id
        ask = messages.Remount(self._link.number(), name, volume, place)
        try:
            await self._link.ask(ask)
        except EngineFailed as error:
            if _lives(container):
                raise EngineFailed(
                    f"container {name} still sees the former content at {place}",
                    detail=error.message,
                    hint="Reboot it.",
                ) from error


def _lives(container: Container) -> bool:
    return container.removal is None and container.spec.id in container.running


async def _whole(deed: Coroutine[Any, Any, T]) -> T:
    """Done to the end, whatever happens to who waits."""
    task = asyncio.ensure_future(deed)
    await to_the_end(task)
    return task.result()
