"""Whose volumes there are. They outlive sessions and locations: a row of SQLite each, on the disk before anybody is told.

A row is written before its volume is made and removed after that is gone, so that a crash between leaves a row too many
rather than a volume nobody knows of; such a row goes when the location next opens.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..engines.base import Engine
from ..errors import EngineFailed, NotFound, Refused
from ..wire import messages as m
from ..wire import tags
from ..wire.ids import require_own
from .estate import Estate
from .ledger import Dropped, Event, Kept
from .peer import Peer

log = logging.getLogger(__name__)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS volumes (
    id TEXT PRIMARY KEY, user TEXT NOT NULL, tag TEXT, created_at REAL NOT NULL);
"""


@dataclass(slots=True)
class Volume:
    """One of them."""

    id: str
    user: str
    tag: str | None
    created_at: float
    snapshots: list[str] = field(default_factory=list)
    going: bool = False  # it is being destroyed

    def offer(self) -> m.VolumeOffered:
        """What its user's sessions are told."""
        return m.VolumeOffered(self.id, self.tag or "", self.created_at, self.snapshots)


class Volumes:
    """All of a location.

    Args:
        engine: where they are.
        file: the database.
        estate: knows which containers live.
        handle: has the ledger take an event in.
        peers: the sessions of a user that are here.
    """

    def __init__(
        self,
        engine: Engine,
        file: Path,
        estate: Estate,
        handle: Callable[[Event], object],
        peers: Callable[[str], list[Peer]],
    ) -> None:
        self._engine, self._file, self._estate = engine, file, estate
        self._handle, self._peers = handle, peers
        self._known: dict[str, Volume] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._making: dict[tuple[str, str | None], asyncio.Task[None]] = {}  # by user and tag
        self._db: sqlite3.Connection

    async def open(self) -> None:
        """Find what there is; once, after the engine was opened."""
        self._db = await asyncio.to_thread(_connect, self._file)
        rows = self._db.execute("SELECT id, user, tag, created_at FROM volumes ORDER BY created_at")
        found = [Volume(*row) for row in rows.fetchall()]
        for volume in await self._there(found):
            self._handle(Kept(volume.user, volume.id, volume.tag))
            self._known[volume.id] = volume

    async def _there(self, found: list[Volume]) -> list[Volume]:
        """Those that the engine has; the rows of others are removed. Where it cannot tell, all."""
        try:
            existing = await self._engine.volumes.existing()
            for volume in [one for one in found if one.id in existing]:
                volume.snapshots = await self._engine.volumes.snapshots(volume.id)
        except EngineFailed as problem:
            if found:
                log.error("%d volumes: %s", len(found), problem.message)
            return found
        for volume in found:
            if volume.id not in existing:
                log.warning("volume %s was never finished, or is gone", volume.id)
                await self._write("DELETE FROM volumes WHERE id = ?", volume.id)
        for stranger in existing - {volume.id for volume in found}:
            log.warning("volume %s belongs to nobody known; it is left alone", stranger)
        return [volume for volume in found if volume.id in existing]

    async def close(self) -> None:
        """Let what is under way end."""
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._db.close()

    def offer(self, peer: Peer) -> None:
        """Tell a new session what its user has."""
        for volume in self._known.values():
            if volume.user == peer.user and not volume.going:
                peer.tell(volume.offer())

    def has(self, peer: Peer, key: str) -> bool:
        """Whether a session's user has that one."""
        volume = self._known.get(key)
        return volume is not None and volume.user == peer.user

    def require(self, peer: Peer, key: str) -> Volume:
        """One of a session's user.

        Raises:
            NotFound: there is none, or it is another user's.
        """
        volume = self._known.get(key)
        if volume is None or volume.user != peer.user or volume.going:
            raise NotFound(f"no volume {key}")
        return volume

    async def create(self, peer: Peer, key: str, tag: str) -> None:
        """Make one. Whoever is cancelled meanwhile has none.

        Raises:
            UsageError: the id or tag is taken, or is none.
            EngineFailed: it cannot be made.
        """
        require_own(peer.key, key)
        volume = Volume(key, peer.user, tags.valid(tag or None), time.time(), [""])
        while twin := self._making.get((volume.user, volume.tag)):  # told of before this is refused
            await asyncio.wait([twin])
        self._handle(Kept(volume.user, volume.id, volume.tag))
        making = self._background(self._make(volume))
        if volume.tag:
            self._making[volume.user, volume.tag] = making
            making.add_done_callback(lambda _: self._making.pop((volume.user, volume.tag), None))
        try:
            await asyncio.shield(making)
        except asyncio.CancelledError:
            self._background(self._undo(making, volume))
            raise

    async def _make(self, volume: Volume) -> None:
        try:
            await self._write(
                "INSERT INTO volumes VALUES (?, ?, ?, ?)",
                volume.id, volume.user, volume.tag, volume.created_at,
            )  # fmt: skip
            await self._engine.volumes.create(volume.id)
        except BaseException:
            self._handle(Dropped(volume.id))
            await self._write("DELETE FROM volumes WHERE id = ?", volume.id)
            raise
        self._known[volume.id] = volume
        self._tell(volume.user, volume.offer())

    async def _undo(self, making: asyncio.Task[None], volume: Volume) -> None:
        await asyncio.wait([making])
        if making.exception() is None and not self._estate.mounting(volume.id):
            await self._remove(volume)

    async def destroy(self, peer: Peer, key: str) -> None:
        """Remove one, with its snapshots.

        Raises:
            Refused: a live container has it.
            EngineFailed: it cannot be removed.
        """
        volume = self.require(peer, key)
        mounting = self._estate.mounting(key)
        if mounting:
            names = ", ".join(sorted(container.name for container in mounting))
            raise Refused(
                f"volume {volume.tag or key} is mounted by {names}", hint="Destroy that first."
            )
        await asyncio.shield(self._background(self._remove(volume)))

    async def _remove(self, volume: Volume) -> None:
        volume.going = True
        try:
            await self._engine.volumes.destroy(volume.id)
        except BaseException:
            volume.going = False
            raise
        await self._write("DELETE FROM volumes WHERE id = ?", volume.id)
        self._known.pop(volume.id, None)
        self._handle(Dropped(volume.id))
        self._tell(volume.user, m.VolumeGone(volume.id))

    async def snapshot(self, peer: Peer, key: str, label: str) -> None:
        """Keep what one holds, under a label. Raises ``NotFound``, ``UsageError``, ``EngineFailed``."""
        label = tags.valid(label or None) or ""
        await asyncio.shield(self._background(self._snapshot(self.require(peer, key), label)))

    async def _snapshot(self, volume: Volume, label: str) -> None:
        await self._engine.volumes.snapshot(volume.id, label)
        volume.snapshots = await self._engine.volumes.snapshots(volume.id)
        self._tell(volume.user, volume.offer())

    async def rollback(self, peer: Peer, key: str, label: str) -> None:
        """Bring back what a snapshot holds. Raises ``NotFound``, ``UsageError``, ``EngineFailed``."""
        volume, label = self.require(peer, key), tags.valid(label or None) or ""
        if label not in volume.snapshots:
            raise NotFound(f"volume {volume.tag or key} has no snapshot {label!r}")
        rolling = self._engine.volumes.rollback(volume.id, label)
        await asyncio.shield(self._background(rolling))

    def _tell(self, user: str, news: m.VolumeOffered | m.VolumeGone) -> None:
        for peer in self._peers(user):
            peer.tell(news)

    def _background(self, deed: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """To its end, whoever waits for it; what goes wrong when nobody does is logged."""
        task = asyncio.ensure_future(deed)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (problem := task.exception()) is not None:
            log.info("volumes: %s", problem)

    async def _write(self, statement: str, *values: object) -> None:
        def write() -> None:
            with self._db:
                self._db.execute(statement, values)

        await asyncio.to_thread(write)


def _connect(file: Path) -> sqlite3.Connection:
    os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    db = sqlite3.connect(file, check_same_thread=False)
    db.executescript(_SCHEMA)
    return db
