"""Keeping a host: connecting, taking over what a dead location left there, and noticing that it goes away and comes back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

from ...errors import EngineFailed, TfnzError
from ..base import ContainerSpec
from .containers import Container
from .hosts import BROKEN, Host

_log = logging.getLogger(__name__)

#: A host that does not answer for so long is lost (seconds); it is asked so often.
_PATIENCE, _PAUSE = 3.0, 0.2
_AGAIN = 2.0  # seconds between two tries to find a lost one


class House(Protocol):
    """Who is told of hosts."""

    def free_name(self, name: str) -> str: ...
    def arrived(self, host: Host, told: Sequence[str]) -> None: ...
    def took_over(self, container: Container) -> None: ...
    def departed(self, host: Host) -> None: ...
    def ended(self, kind: str, key: str, attributes: dict[str, str]) -> None: ...
    async def resync(self, host: Host) -> None: ...


class Keeping:
    """One host, there or not."""

    def __init__(self, host: Host, house: House) -> None:
        self.host, self._house = host, house
        self._following: asyncio.Task[None] | None = None
        self._is_there = False

    async def connect(self) -> None:
        """Open the way; the host has a name of its own then. Raises ``EngineFailed``."""
        said = await self.host.connect()
        self.host.name = self.host.name or self._house.free_name(said)

    async def open(self, known: Mapping[str, ContainerSpec]) -> None:
        """Make ready what is connected. Raises ``EngineFailed``."""
        try:
            await self._ready(known)
        except BaseException as problem:
            await self.host.close()
            if isinstance(problem, BROKEN):
                raise self.host.failed(problem) from problem
            raise

    async def _ready(self, known: Mapping[str, ContainerSpec]) -> None:
        host = self.host
        left = {key: name for key, name in (await host.labelled()).items() if name in known}
        host.kept = frozenset(left)
        told = await host.prepare()
        for key, name in left.items():
            self._house.took_over(await Container.recalled(known[name], host, key))
        await host.firewall.settle()
        self._follow(await host.clock())
        self._is_there = True
        self._house.arrived(host, told)
        await self._house.resync(host)

    def _follow(self, since: float) -> None:
        self._following = asyncio.ensure_future(self.host.follow(self._house.ended, since))

    async def keep(self) -> None:
        """For as long as the engine lives."""
        while True:
            if not self._is_there:
                await self._come_back()
            assert self._following is not None
            await asyncio.wait({self._following})
            self._following.cancelled() or self._following.exception()  # seen: it is no matter why
            if not await self._answers():
                self._is_there = False
                _log.warning("node %s is lost", self.host.name)
                self._house.departed(self.host)
                await self.host.close()

    async def _answers(self) -> bool:
        """Whether it is there all the same; then it is followed again, and asked what was missed."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                while True:
                    try:
                        self._follow(await self.host.clock())
                        await self._house.resync(self.host)
                        return True
                    except (EngineFailed, *BROKEN):
                        await asyncio.sleep(_PAUSE)
        return False

    async def _come_back(self) -> None:
        while True:
            await asyncio.sleep(_AGAIN)
            try:
                await self.connect()
                return await self.open({})
            except TfnzError as problem:
                _log.info("%s: %s", self.host.address.url, problem.message)

    async def clear(self) -> None:
        """Leave nothing there but volumes and images."""
        if self._is_there:
            self._is_there = False
            with contextlib.suppress(EngineFailed, *BROKEN):
                await self.host.clear()

    async def abandon(self) -> None:
        """Let go of it."""
        if self._following is not None:
            self._following.cancel()
        await self.host.close()
