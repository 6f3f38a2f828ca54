"""Containers: wishing for one, reading its log, ending it."""

from __future__ import annotations

from ...errors import UsageError
from ...wire import messages as m
from ...wire.paths import trees_intersect
from ..containers import Container
from ..peer import Peer
from .deeds import Deed, Means


class ContainerVerbs:
    """The verbs of containers."""

    def __init__(self, means: Means) -> None:
        self._means = means

    def deeds(self) -> dict[type, Deed]:
        """Verb -> what does it."""
        return {
            m.Spawn: self._spawn,
            m.Start: self._start,
            m.Reboot: self._reboot,
            m.Destroy: self._destroy,
            m.FollowLog: self._follow,
        }

    async def _spawn(self, peer: Peer, verb: m.Spawn, call: int) -> m.Done:
        peer.require_new(verb.output, verb.input)
        means = self._means
        self._require_volumes(peer, verb)
        means.claim(peer, verb)
        images = means.images.of(peer.user)
        container = Container(verb, peer.id, peer.user, means.engine, images, means.changed)
        container.process.follow(peer.out_stream(verb.output), lossless=verb.lossless)
        container.process.feed(peer.in_stream(verb.input))
        means.estate.add(container)
        if container.tag:
            for other in means.peers(peer.user):
                if other is not peer:
                    other.tell(container.offer())
        return m.Done()

    async def _start(self, peer: Peer, verb: m.Start, call: int) -> m.Done:
        await self._means.estate.container(peer, verb.container).start()
        return m.Done()

    async def _reboot(self, peer: Peer, verb: m.Reboot, call: int) -> m.Done:
        container = self._means.estate.container(peer, verb.container)
        peer.require_new(verb.input)
        await container.ready()
        container.process.replace(peer.input(verb.before), peer.in_stream(verb.input))
        await container.reboot(verb.grace, reset=verb.reset)
        return m.Done()

    def _require_volumes(self, peer: Peer, wish: m.Spawn) -> None:
        """Raises ``NotFound`` for one that is not the user's, ``UsageError`` where two would cover each other."""
        places: list[str] = []
        for volume, place in wish.volumes:
            self._means.volumes.require(peer, volume)
            if found := trees_intersect(places, place):
                raise UsageError(f"volumes: {found[0]} would lie in {found[1]}")
            places.append(place)

    async def _destroy(self, peer: Peer, verb: m.Destroy, call: int) -> m.Done:
        await self._means.estate.container(peer, verb.container).destroy(verb.grace)
        return m.Done()

    async def _follow(self, peer: Peer, verb: m.FollowLog, call: int) -> m.Done:
        process = self._means.estate.container(peer, verb.container).process
        peer.require_new(verb.output)
        offset, lines = process.log.place(verb.tail, verb.since)
        process.follow(
            peer.out_stream(verb.output),
            lossless=True,
            offset=offset,
            lines=lines,
            until=None if verb.onward else process.log.total,
        )
        return m.Done()
