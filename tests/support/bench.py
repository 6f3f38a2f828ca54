"""Any engine, driven directly, in words as short as tests want them. ``tests/engines/`` has one for each engine.

A bench holds an open engine with the tiny image installed, and knows what that engine cannot do: what a contract test asks
for within :meth:`Bench.asked` must then raise ``NotSupported`` with that reason.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.support.eventually import eventually_async
from tfnz_jupyter.engines.base import (
    Booted,
    ContainerSpec,
    Engine,
    Exit,
    ImageInfo,
    Mark,
    NodeInfo,
    ProcessSpec,
    Running,
)
from tfnz_jupyter.errors import NotSupported

_numbers = itertools.count(1)


class Bench(ABC):
    """``boot`` and ``run`` take a shell script, or ``argv=`` to do without a shell; other words are ``ContainerSpec``'s."""

    #: feature -> the reason, as a regular expression. Contract tests name features in :meth:`asked`.
    cannot: ClassVar[dict[str, str]] = {}
    #: Whether a process that left its session, and lost its parent, is still known for whose it is.
    keeps_daemons_together: ClassVar[bool] = True
    #: Whether taking an opening back cuts conversations that are going on.
    cuts: ClassVar[bool] = True
    #: Whether who is spoken to learns that the other side has said all it has to say.
    passes_ends: ClassVar[bool] = True
    #: Whether a rollback puts another folder in a volume's place, rather than other files into the same.
    exchanges_volumes: ClassVar[bool] = True

    #: How many containers at once are many, and how many connections.
    many: ClassVar[int] = 50
    connections: ClassVar[int] = 2000
    #: Seconds in which what ends by itself is freed, and in which a container speaks while another does its worst.
    soon: ClassVar[float] = 2
    quick: ClassVar[float] = 1

    engine: Engine
    image: ImageInfo
    blobs: Path

    def __init__(self) -> None:
        self.nodes: tuple[NodeInfo, ...] = ()
        self._booted: list[str] = []

    @abstractmethod
    async def open(self) -> None:
        """Make it ready."""

    @abstractmethod
    def leftovers(self) -> dict[str, set[str]]:
        """What the engine has on this machine at the moment, by kind."""

    async def settled(self) -> dict[str, set[str]]:
        """The same, once two looks in a row have seen it: what is made ready ahead shows for an instant."""
        looks = [self.leftovers()]

        def again() -> bool:
            looks.append(self.leftovers())
            return looks[-1] == looks[-2]

        await eventually_async(again, within=10)
        return looks[-1]

    @property
    def keeps_apart(self) -> bool:
        """Whether containers are kept from what they were not let to; one that finds out that they are not says so."""
        return True

    def on_nodes(self, nodes: tuple[NodeInfo, ...]) -> None:
        """For ``Engine.open``."""
        self.nodes = nodes

    @contextlib.contextmanager
    def asked(self, feature: str) -> Iterator[None]:
        """What needs a feature goes in here; where the engine has none, it must say so, and the rest is left out."""
        reason = self.cannot.get(feature)
        if reason is None:
            yield
        else:
            with pytest.raises(NotSupported, match=reason):
                yield

    def spec(self, script: str = "", **facts: Any) -> ContainerSpec:
        """What ``boot`` asks for."""
        name = facts.pop("id", f"c{next(_numbers):025d}")
        argv = facts.pop("argv", ("/bin/sh", "-c", script))
        facts = {"image": self.image, "cwd": "/", "user": "", "hostname": "tiny"} | facts
        env = (*facts["image"].env, *facts.pop("env", ()))
        self._booted.append(name)
        return ContainerSpec(id=name, argv=tuple(argv), env=env, **facts)

    async def booted(self, script: str = "", **facts: Any) -> tuple[str, Booted]:
        """A container: its id, and what the engine says of it. ``node=`` is where; the first there is unless said."""
        node = facts.pop("node", "") or self.nodes[0].id
        spec = self.spec(script, **facts)
        return spec.id, await self.engine.boot(spec, node)

    async def boot(self, script: str = "", **facts: Any) -> tuple[str, Running]:
        """A container: its id and first process."""
        name, booted = await self.booted(script, **facts)
        return name, booted.process

    async def address(self, script: str, **facts: Any) -> tuple[str, str]:
        """A container: its id and address."""
        name, booted = await self.booted(script, **facts)
        return name, booted.ip

    async def run(self, script: str = "", **facts: Any) -> tuple[str, str, Exit]:
        """What a container printed on both outputs, and how it ended."""
        name, process = await self.boot(script, **facts)
        out, err = await outputs(process)
        how = await process.wait()
        await self.engine.destroy(name, 0)
        return out, err, how

    async def execute(self, container: str, script: str = "", **facts: Any) -> Running:
        """One more process in a container."""
        argv = facts.pop("argv", ("/bin/sh", "-c", script))
        spec = ProcessSpec(id=f"p{next(_numbers):025d}", argv=tuple(argv), **facts)
        return await self.engine.execute(container, spec)

    async def said(self, container: str, script: str, **facts: Any) -> str:
        """What one more process printed on standard output, to its end."""
        return (await outputs(await self.execute(container, script, **facts)))[0]

    async def clear(self) -> None:
        """Destroy every container that was made here, and every volume."""
        names, self._booted = self._booted, []
        await asyncio.gather(*(self.engine.destroy(name, 0) for name in names))
        for volume in await self.engine.volumes.existing():
            await self.engine.volumes.destroy(volume)


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
