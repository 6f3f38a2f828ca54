"""Volumes, as a line asks for them."""

from __future__ import annotations

from collections.abc import Iterator

from ..sdk.location import Location
from ..sdk.volume import Volume


def volumes(location: Location) -> Iterator[str]:
    """The user's volumes, a line each."""
    every = sorted(location.all_volumes(), key=_name)
    yield from map(_name, every)
    if not every:
        yield "There are no volumes."


def create_volume(location: Location, tag: str | None) -> str:
    """Make a volume; what was done, in words."""
    return f"{_name(location.create_volume(tag=tag))} is there."


def remove_volume(location: Location, key: str) -> str:
    """Destroy a volume, and what is in it; what was done, in words."""
    volume = location.volume(key)
    location.destroy_volume(volume)
    return f"{_name(volume)} is destroyed, and all that was in it."


def snapshot(location: Location, key: str, label: str) -> str:
    """Keep a volume as it is; what was done, in words."""
    volume = location.volume(key)
    volume.snapshot(label)
    return f"{_name(volume)} can be rolled back to this moment."


def rollback(location: Location, key: str, label: str) -> str:
    """Bring a volume back to its snapshot; what was done, in words."""
    volume = location.volume(key)
    volume.rollback(label)
    return f"{_name(volume)} is as its snapshot was."


def _name(volume: Volume) -> str:
    return volume.tag or volume.uuid
