"""SSH servers: tunnels with a server of ours behind them."""

from __future__ import annotations

from ...folders import config_folder
from ...wire import messages as m
from ..peer import Peer
from ..tunnels import Tunnel
from .deeds import Deed, Means
from .tunnels import listen

_HOST_KEY = "ssh-host.key"


class SshVerbs:
    """The verb of SSH servers; they are closed as tunnels are."""

    def __init__(self, means: Means) -> None:
        self._engine, self._estate, self._relay = means.engine, means.estate, means.relay

    def deeds(self) -> dict[type, Deed]:
        """Verb -> what does it."""
        return {m.OpenSsh: self._open}

    async def _open(self, peer: Peer, verb: m.OpenSsh, call: int) -> m.Listening:
        from ..ssh import Gate  # takes a while to load, and few locations need it

        container = self._estate.container(peer, verb.container)
        gate = Gate(container, self._engine, config_folder() / _HOST_KEY, verb.keys)
        await container.ready()
        tunnel = Tunnel(verb.tunnel, container.id, gate.dial, self._relay)
        return await listen(peer, container, tunnel, verb)
