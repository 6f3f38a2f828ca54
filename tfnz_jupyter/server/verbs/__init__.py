"""What a session may ask of a location: a file a noun, a method a verb.

Each noun's class lists its verbs in ``deeds``; :class:`Verbs` looks them up. One that has something to offer to every new
session has a method ``offer`` too.
"""

from __future__ import annotations

from ...errors import Refused
from ...wire import messages as m
from ..peer import Peer
from .accounts import AccountVerbs
from .again import AgainVerbs
from .builds import BuildVerbs
from .containers import ContainerVerbs
from .deeds import Deed, Means, Offering, Plate
from .endpoints import EndpointVerbs
from .externals import ExternalVerbs
from .files import FileVerbs
from .images import ImageVerbs
from .network import NetworkVerbs
from .processes import ProcessVerbs
from .ssh import SshVerbs
from .tunnels import TunnelVerbs
from .volumes import VolumeVerbs
from .waits import WaitVerbs

__all__ = ["Means", "Plate", "Verbs"]


class Verbs:
    """Performs verbs by the means of one location."""

    def __init__(self, means: Means) -> None:
        self._again = AgainVerbs(means)
        nouns = (
            AccountVerbs(means),
            self._again,
            ImageVerbs(means),
            BuildVerbs(means),
            ContainerVerbs(means),
            ProcessVerbs(means),
            FileVerbs(means),
            VolumeVerbs(means),
            TunnelVerbs(means),
            SshVerbs(means),
            NetworkVerbs(means),
            WaitVerbs(means),
            ExternalVerbs(means),
            EndpointVerbs(means),
        )
        self._offers = [noun.offer for noun in nouns if isinstance(noun, Offering)]
        self._deeds: dict[type, Deed] = {}
        for noun in nouns:
            self._deeds |= noun.deeds()

    def offer(self, peer: Peer) -> None:
        """Tell a session that has just begun what there is for it."""
        for offer in self._offers:
            offer(peer)

    async def perform(self, peer: Peer, verb: m.Verb, call: int, again: bool) -> m.Value:
        """Do one verb for a session; ``call`` is the number its progress is told under. Raises what the user shall see.

        ``again``: a location that was killed since may have done it.
        """
        if peer.guest and not isinstance(verb, m.Join):
            raise Refused("an invitation lets its holder join, and nothing else")
        deed = self._deeds[type(verb)]
        if again:
            return await self._again.repeat(deed, peer, verb, call)
        return await deed(peer, verb, call)
