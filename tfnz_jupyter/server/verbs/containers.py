"""Containers: wishing for one, reading its log, ending it."""

from __future__ import annotations

from ...wire import messages as m
from ..containers import Container
from ..peer import Peer
from .deeds import Deed, Means


class ContainerVerbs:
    """The verbs of containers."""

    def __init__(self, means: Means) -> None:
        self._means = means

    def deeds(self) -> dict[type, Deed]:
        """Verb -> what does it."""
        return {m.Spawn: self._spawn, m.Destroy: self._destroy, m.FollowLog: self._follow}

    async def _spawn(self, peer: Peer, verb: m.Spawn, call: int) -> m.Done:
        peer.require_new(verb.output, verb.input)
        means = self._means
        means.claim(peer, verb)
        container = Container(verb, peer.id, peer.user, means.engine, means.images, means.changed)
        container.process.follow(peer.out_stream(verb.output), lossless=verb.lossless)
        container.process.feed(peer.in_stream(verb.input))
        means.estate.add(container)
        if container.tag:
            for other in means.peers(peer.user):
                if other is not peer:
                    other.tell(container.offer())
        return m.Done()

    async def _destroy(self, peer: Peer, verb: m.Destroy, call: int) -> m.Done:
        await self._means.estate.container(peer, verb.container).destroy(verb.grace)
        return m.Done()

    async def _follow(self, peer: Peer, verb: m.FollowLog, call: int) -> m.Done:
        log = self._means.estate.container(peer, verb.container).process.log
        peer.require_new(verb.output)
        peer.out_stream(verb.output).start(log.reader(lossless=True))
        return m.Done()
