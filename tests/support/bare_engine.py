"""The embedded engine driven directly, without a location: boot, read, wait, in words as short as tests want them."""

from __future__ import annotations

import asyncio
import functools
import itertools
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.support import tinyimage
from tfnz_jupyter.engines.base import (
    ContainerSpec,
    Exit,
    ImageInfo,
    Mark,
    NodeInfo,
    ProcessSpec,
    Running,
)
from tfnz_jupyter.engines.embedded import EmbeddedEngine

_numbers = itertools.count(1)
_kept: list[tempfile.TemporaryDirectory[str]] = []


class Bench:
    """An open engine with the tiny image installed.

    ``boot`` and ``run`` take a shell script, or ``argv=`` to do without a shell.
    """

    def __init__(self, folder: Path, *, linger: float = 30.0, blobs: Path | None = None) -> None:
        self.state, self.runtime, self.blobs = folder / "state", folder / "run", blobs or _store()
        self.engine = EmbeddedEngine(self.state, self.runtime, linger=linger)
        self.nodes: tuple[NodeInfo, ...] = ()
        self.image: ImageInfo

    async def open(self) -> None:
        await self.engine.open(self._on_nodes)
        self.image = _image(self.blobs)
        await self.engine.install(self.image, self.blobs, lambda _progress: None)

    def _on_nodes(self, nodes: tuple[NodeInfo, ...]) -> None:
        self.nodes = nodes

    def spec(self, script: str = "", **facts: Any) -> ContainerSpec:
        name = facts.pop("id", f"c{next(_numbers):025d}")
        argv = facts.pop("argv", ("/bin/sh", "-c", script))
        facts = {"image": self.image, "cwd": "/", "user": "", "hostname": "tiny"} | facts
        env = (*facts["image"].env, *facts.pop("env", ()))
        return ContainerSpec(id=name, argv=tuple(argv), env=env, **facts)

    async def boot(self, script: str = "", **facts: Any) -> tuple[str, Running]:
        """A container: its id and first process."""
        spec = self.spec(script, **facts)
        booted = await self.engine.boot(spec, self.nodes[0].id)
        return spec.id, booted.process

    async def address(self, script: str, **facts: Any) -> tuple[str, str]:
        """A container: its id and address."""
        spec = self.spec(script, **facts)
        return spec.id, (await self.engine.boot(spec, self.nodes[0].id)).ip

    async def run(self, script: str = "", **facts: Any) -> tuple[str, str, Exit]:
        """What a container printed on both outputs, and how it ended."""
        name, process = await self.boot(script, **facts)
        out, err = await outputs(process)
        how = await process.wait()
        await self.engine.destroy(name, 0)
        return out, err, how

    async def execute(self, container: str, script: str, **facts: Any) -> Running:
        argv = facts.pop("argv", ("/bin/sh", "-c", script))
        spec = ProcessSpec(id=f"p{next(_numbers):025d}", argv=tuple(argv), **facts)
        return await self.engine.execute(container, spec)


@functools.cache
def _store() -> Path:
    """Made once for all tests of a run, and removed with it."""
    folder = tempfile.TemporaryDirectory(prefix="tfnz-tiny-")
    _kept.append(folder)
    return Path(folder.name)


@functools.cache
def _image(blobs: Path) -> ImageInfo:
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


async def outputs(process: Running) -> tuple[str, str]:
    """All of standard output and standard error, to their end."""
    found = {Mark.OUT: bytearray(), Mark.ERR: bytearray()}
    while (chunk := await process.read()) is not None:
        found[chunk[0]] += chunk[1]
    return found[Mark.OUT].decode(), found[Mark.ERR].decode()


async def read_until(process: Running, wanted: bytes, within: float = 10) -> bytes:
    """Output up to and with ``wanted``."""
    text = b""
    async with asyncio.timeout(within):
        while wanted not in text:
            chunk = await process.read()
            assert chunk is not None, f"ended after {text!r}"
            text += chunk[1]
    return text
