"""What a session may ask of a location: a file a noun, a method a verb.

Each noun's class lists its verbs in ``deeds``; :class:`Verbs` looks them up.
"""

from __future__ import annotations

from ...wire import messages as m
from ..peer import Peer
from .containers import ContainerVerbs
from .deeds import Deed, Means
from .images import ImageVerbs
from .processes import ProcessVerbs
from .tunnels import TunnelVerbs
from .waits import WaitVerbs

__all__ = ["Means", "Verbs"]


class Verbs:
    """Performs verbs by the means of one location."""

    def __init__(self, means: Means) -> None:
        nouns = (
            ImageVerbs(means),
            ContainerVerbs(means),
            ProcessVerbs(means),
            TunnelVerbs(means),
            WaitVerbs(means),
        )
        self._deeds: dict[type, Deed] = {}
        for noun in nouns:
            self._deeds |= noun.deeds()

    async def perform(self, peer: Peer, verb: m.Verb, call: int) -> m.Value:
        """Do one verb for a session; ``call`` is the number its progress is told under. Raises what the user shall see."""
        return await self._deeds[type(verb)](peer, verb, call)
