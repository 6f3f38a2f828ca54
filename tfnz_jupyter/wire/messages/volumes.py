"""Volumes: a user's, whichever session made them."""

from __future__ import annotations

from typing import ClassVar

from .base import Asked, Said


class CreateVolume(Asked, frozen=True, tag="create-volume"):
    """Make an empty volume. Result: ``Done``, after every session of the user was told by ``VolumeOffered``."""

    volume: str
    tag: str = ""


class DestroyVolume(Asked, frozen=True, tag="destroy-volume"):
    """Remove a volume that no live container has. Result: ``Done``, after every session was told by ``VolumeGone``."""

    volume: str


class SnapshotVolume(Asked, frozen=True, tag="snapshot-volume"):
    """Keep what a volume holds, under a label. Result: ``Done`` when that is so."""

    volume: str
    label: str = ""


class RollBackVolume(Asked, frozen=True, tag="roll-back-volume"):
    """Bring back what a snapshot holds, in live containers too. Result: ``Done`` when that is so."""

    volume: str
    label: str = ""


class VolumeOffered(Said, frozen=True, tag="volume-offered"):
    """This user has a volume, and this is how it is now. ``created_at``: seconds since the epoch."""

    volume: str
    tag: str
    created_at: float
    snapshots: list[str]
    from_client: ClassVar[bool] = False


class VolumeGone(Said, frozen=True, tag="volume-gone"):
    """A volume was destroyed."""

    volume: str
    from_client: ClassVar[bool] = False
