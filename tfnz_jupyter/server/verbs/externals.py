"""Tagged containers, as the user's other sessions have them."""

from __future__ import annotations

from ...wire import messages as m
from ..peer import Peer
from .deeds import Deed, Means


class ExternalVerbs:
    """The one verb that only other sessions need: their own containers' streams come with the spawn."""

    def __init__(self, means: Means) -> None:
        self._estate = means.estate

    def deeds(self) -> dict[type, Deed]:
        """Verb -> what does it."""
        return {m.Attach: self._attach}

    def offer(self, peer: Peer) -> None:
        """Tell a new session what others have tagged."""
        for container in self._estate.offered(peer):
            peer.tell(container.offer())
            peer.tell(container.news)

    async def _attach(self, peer: Peer, verb: m.Attach, call: int) -> m.Done:
        container = self._estate.container(peer, verb.container)
        peer.require_new(verb.output, verb.input)
        container.process.follow(peer.out_stream(verb.output), lossless=False)
        container.process.feed(peer.in_stream(verb.input))
        return m.Done()
