"""Volumes: made, kept, brought back, destroyed."""

from __future__ import annotations

from ...wire import messages as m
from ..peer import Peer
from .deeds import Deed, Means


class VolumeVerbs:
    """The verbs of volumes."""

    def __init__(self, means: Means) -> None:
        self._volumes = means.volumes

    def deeds(self) -> dict[type, Deed]:
        """Verb -> what does it."""
        return {
            m.CreateVolume: self._create,
            m.DestroyVolume: self._destroy,
            m.SnapshotVolume: self._snapshot,
            m.RollBackVolume: self._roll_back,
        }

    def offer(self, peer: Peer) -> None:
        """Tell a new session what its user has."""
        self._volumes.offer(peer)

    async def _create(self, peer: Peer, verb: m.CreateVolume, call: int) -> m.Done:
        await self._volumes.create(peer, verb.volume, verb.tag)
        return m.Done()

    async def _destroy(self, peer: Peer, verb: m.DestroyVolume, call: int) -> m.Done:
        await self._volumes.destroy(peer, verb.volume)
        return m.Done()

    async def _snapshot(self, peer: Peer, verb: m.SnapshotVolume, call: int) -> m.Done:
        await self._volumes.snapshot(peer, verb.volume, verb.label)
        return m.Done()

    async def _roll_back(self, peer: Peer, verb: m.RollBackVolume, call: int) -> m.Done:
        await self._volumes.rollback(peer, verb.volume, verb.label)
        return m.Done()
