"""Names on the web that lead to containers."""

from __future__ import annotations

from ...wire import messages as m
from ..containers import Container
from ..peer import Peer
from .deeds import Deed, Means


class EndpointVerbs:
    """The verbs of clusters and web endpoints."""

    def __init__(self, means: Means) -> None:
        self._gateway, self._estate = means.gateway, means.estate

    def deeds(self) -> dict[type, Deed]:
        """Verb -> what does it."""
        return {
            m.Publish: self._publish,
            m.ChangeCluster: self._change,
            m.Unpublish: self._unpublish,
            m.AskAuthority: self._authority,
        }

    def offer(self, peer: Peer) -> None:
        """Tell a session what there is to publish under, and what its user has published."""
        peer.tell(self._gateway.offer(peer.user))

    async def _publish(self, peer: Peer, verb: m.Publish, call: int) -> m.Published:
        return await self._gateway.publish(peer, verb, await self._ready(peer, verb.containers))

    async def _change(self, peer: Peer, verb: m.ChangeCluster, call: int) -> m.Done:
        await self._gateway.change(peer, verb, await self._ready(peer, verb.containers))
        return m.Done()

    async def _unpublish(self, peer: Peer, verb: m.Unpublish, call: int) -> m.Done:
        await self._gateway.unpublish(peer, verb.cluster)
        return m.Done()

    async def _authority(self, peer: Peer, verb: m.AskAuthority, call: int) -> m.Authority:
        return m.Authority(await self._gateway.authority())

    async def _ready(self, peer: Peer, keys: list[str]) -> list[Container]:
        """These containers, once they run."""
        found = [self._estate.container(peer, key) for key in keys]
        for container in found:
            await container.ready()
        return found
