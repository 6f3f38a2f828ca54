"""What a client asks of a location that was killed under it: its streams, and the calls that were not answered."""

from __future__ import annotations

from ...errors import NotFound, Unreachable
from ...wire import messages as m
from ...wire.streams import Receiving, Sending
from ..peer import Peer
from ..processes import Process
from .deeds import Deed, Means
from .processes import find

_LOST = "nobody knows how it ended: its location was killed meanwhile"

#: Done once more, these change nothing, or do what was wanted.
_HARMLESS = (
    m.EnsureImage,
    m.FindImage,
    m.ListImages,
    m.Start,
    m.Destroy,
    m.EndProcess,
    m.Resize,
    m.ListFiles,
    m.LookAtFile,
    m.AllowConnection,
    m.DisallowConnection,
    m.OpenTunnel,
    m.OpenSsh,
    m.Unpublish,
    m.AskAuthority,
    m.ListAccounts,
    m.WaitTcp,
    m.WaitHttp,
    m.FollowAgain,
    m.FeedAgain,
)
#: All that these did is gone, or goes on by other verbs.
_SETTLED = (m.FollowLog, m.Attach, m.CloseTunnel)


class AgainVerbs:
    """The verbs of going on."""

    def __init__(self, means: Means) -> None:
        self._engine, self._estate, self._volumes = means.engine, means.estate, means.volumes

    def deeds(self) -> dict[type, Deed]:
        """Verb -> what does it."""
        return {m.FollowAgain: self._follow, m.FeedAgain: self._feed}

    async def repeat(self, deed: Deed, peer: Peer, verb: m.Verb, call: int) -> m.Value:
        """Answer a call that the last location was killed over.

        Raises:
            Unreachable: it may have been done or not, and doing it now could be once too often.
        """
        if isinstance(verb, _HARMLESS):
            return await deed(peer, verb, call)
        if not self._is_done(peer, verb):
            raise Unreachable(
                "the location was killed while it did this, and nobody knows the outcome",
                hint="Look whether it was done, and ask again if it was not.",
            )
        return m.Done()

    def _is_done(self, peer: Peer, verb: m.Verb) -> bool:
        if isinstance(verb, m.Spawn):
            return self._estate.has(peer, verb.container)
        if isinstance(verb, m.CreateVolume | m.DestroyVolume):
            return self._volumes.has(peer, verb.volume) == isinstance(verb, m.CreateVolume)
        if isinstance(verb, m.Execute):
            return verb.process in peer.processes or verb.process in self._estate.unclaimed
        return isinstance(verb, _SETTLED)

    async def _follow(self, peer: Peer, verb: m.FollowAgain, call: int) -> m.Done:
        process = self._process(peer, verb)
        peer.require_new(verb.output)
        if process is None:
            if verb.process:
                peer.tell(m.ProcessEnded(verb.process, None, _LOST))
            peer.tell(m.End(verb.output))
            return m.Done()
        offset = min(
            verb.offset, process.log.unheld
        )  # what was read last may not have been counted
        output = peer.out_stream(verb.output, Sending(verb.offset, verb.limit))
        process.follow(output, lossless=verb.lossless, offset=offset, lines=verb.lines)
        return m.Done()

    async def _feed(self, peer: Peer, verb: m.FeedAgain, call: int) -> m.Fed:
        process = self._process(peer, verb)
        peer.require_new(verb.input)
        if process is None:
            peer.tell(m.End(verb.input))
            return m.Fed(verb.sent)
        fed = min(verb.sent, process.fed)
        process.feed(peer.in_stream(verb.input, Receiving(fed)))
        return m.Fed(fed)

    def _process(self, peer: Peer, verb: m.FollowAgain | m.FeedAgain) -> Process | None:
        """What a stream belongs to; a process that nobody has claimed yet is from now on the session's."""
        try:
            container = self._estate.container(peer, verb.container)
        except NotFound:
            return None
        if not verb.process:
            return container.process
        return find(peer, self._estate, self._engine, container, verb.process)
