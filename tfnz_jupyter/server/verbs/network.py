"""Openings between containers."""

from __future__ import annotations

import asyncio

from ...errors import ContainerEnded
from ...wire import messages as m
from ..containers import Container
from ..openings import Opening
from ..peer import Peer
from .deeds import Deed, Means


class NetworkVerbs:
    """The verbs of the network."""

    def __init__(self, means: Means) -> None:
        self._engine, self._estate, self._openings = means.engine, means.estate, means.openings

    def deeds(self) -> dict[type, Deed]:
        """Verb -> what does it."""
        return {m.AllowConnection: self._allow, m.DisallowConnection: self._disallow}

    async def _allow(self, peer: Peer, verb: m.AllowConnection, call: int) -> m.Done:
        both = self._both(peer, verb.container, verb.client)
        for container in both:
            await container.ready()
        opening = Opening(*(container.id for container in both))
        new = self._openings.ask(peer.id, opening)
        try:
            await self._engine.allow(opening.server, opening.client)
        except BaseException as problem:
            if new:
                self._openings.undo(opening)
            if isinstance(problem, asyncio.CancelledError) and new:
                peer.keep(self._engine.disallow(opening.server, opening.client))
            if isinstance(problem, ContainerEnded):
                await _say_why(both)
            raise
        return m.Done()

    async def _disallow(self, peer: Peer, verb: m.DisallowConnection, call: int) -> m.Done:
        server, client = self._both(peer, verb.container, verb.client)
        self._openings.undo(Opening(server.id, client.id))
        await self._engine.disallow(server.id, client.id)
        return m.Done()

    def _both(self, peer: Peer, server: str, client: str) -> tuple[Container, Container]:
        return self._estate.container(peer, server), self._estate.container(peer, client)


async def _say_why(containers: tuple[Container, ...]) -> None:
    """Raise how one of them ended, in its own words; the news may be on its way."""
    ends = [asyncio.ensure_future(container.ended()) for container in containers]
    await asyncio.wait(ends, timeout=_LATE, return_when=asyncio.FIRST_COMPLETED)
    for end in ends:
        end.cancel()
    for container in containers:
        if container.over:
            await container.ready()


_LATE = 2.0  # seconds that the news of a container's end may take to arrive
