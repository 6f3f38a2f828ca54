"""Tagged containers, as the user's other sessions have them."""

from __future__ import annotations

from ...errors import TfnzError
from ...wire import messages as m
from ..containers import Container
from ..peer import Peer
from ..streams import InStream
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
        log = container.process.log
        peer.out_stream(verb.output).start(log.reader(lossless=False))
        peer.keep(_feed(container, peer.in_stream(verb.input)))
        return m.Done()


async def _feed(container: Container, input: InStream) -> None:
    """Feed a container's standard input from one more session, for as long as it runs."""
    try:
        await container.ready()
    except TfnzError:
        return input.close()
    assert container.process.running is not None
    await input.feed(container.process.running)
