"""Ports of this machine that lead into a container."""

from __future__ import annotations

from ...errors import NotFound
from ...wire import messages as m
from ..containers import Container
from ..peer import Peer
from ..tunnels import Tunnel
from .deeds import Deed, Means


class TunnelVerbs:
    """The verbs of tunnels."""

    def __init__(self, means: Means) -> None:
        self._relay, self._estate = means.relay, means.estate

    def deeds(self) -> dict[type, Deed]:
        """Verb -> what does it."""
        return {m.OpenTunnel: self._open, m.CloseTunnel: self._close}

    async def _open(self, peer: Peer, verb: m.OpenTunnel, call: int) -> m.Listening:
        container = self._estate.container(peer, verb.container)
        await container.ready()
        tunnel = Tunnel(verb.tunnel, container.id, container.dialler(verb.port), self._relay)
        return await listen(peer, container, tunnel, verb)

    async def _close(self, peer: Peer, verb: m.CloseTunnel, call: int) -> m.Done:
        tunnel = peer.tunnels.pop(verb.tunnel, None)
        if tunnel is None:
            raise NotFound(f"no tunnel {verb.tunnel}")
        tunnel.close()
        return m.Done()


async def listen(
    peer: Peer, container: Container, tunnel: Tunnel, verb: m.OpenTunnel | m.OpenSsh
) -> m.Listening:
    """Let a tunnel listen where it was asked to, and belong to a session; not if its container ended meanwhile."""
    await tunnel.listen(verb.bind, verb.local_port)
    if container.state != "running":
        tunnel.close()
        await container.ready()
    peer.tunnels[verb.tunnel] = tunnel
    return m.Listening(tunnel.address, tunnel.port)
