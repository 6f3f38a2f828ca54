"""The embedded engine driven directly, without a location."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.support import bench as general
from tests.support import tinyimage
from tests.support.bench import outputs, read_until
from tests.support.leaks import footprint
from tfnz_jupyter.engines.base import ImageInfo
from tfnz_jupyter.engines.embedded import EmbeddedEngine

__all__ = ["Bench", "bench", "outputs", "read_until"]

_kept: list[tempfile.TemporaryDirectory[str]] = []


class Bench(general.Bench):
    """An open embedded engine with the tiny image installed."""

    def __init__(
        self, folder: Path, *, blobs: Path | None = None, slots: int = 0, **options: Any
    ) -> None:
        """Without warm slots, if not asked for: they come and go on their own, and tests look for what is left."""
        super().__init__()
        self.state, self.runtime, self.blobs = folder / "state", folder / "run", blobs or store()
        self.engine = EmbeddedEngine(self.state, self.runtime, {}, slots=slots, **options)

    async def open(self) -> None:
        await self.engine.open(self.on_nodes)
        self.image = image(self.blobs)
        await self.engine.install(self.image, self.blobs, lambda _progress: None)

    def leftovers(self) -> dict[str, set[str]]:
        return footprint(self.state)


@functools.cache
def store() -> Path:
    """Made once for all tests of a run, and removed with it."""
    folder = tempfile.TemporaryDirectory(prefix="tfnz-tiny-")
    _kept.append(folder)
    return Path(folder.name)


@functools.cache
def image(blobs: Path) -> ImageInfo:
    return tinyimage.build(blobs, extra=[tinyimage.perl(blobs)])


@asynccontextmanager
async def bench(folder: Path, **options: Any) -> AsyncIterator[Bench]:
    """An open bench, closed at the end."""
    found = Bench(folder, **options)
    try:
        await found.open()
        yield found
    finally:
        await found.engine.close()
