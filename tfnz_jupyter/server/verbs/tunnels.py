"""Ports of this machine that lead into a container."""

from __future__ import annotations

from ...errors import NotFound, Refused, Unreachable
from ...link.carried import Carried
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
        return {m.OpenTunnel: self._open, m.CloseTunnel: self._close, m.Dial: self._dial}

    async def _open(self, peer: Peer, verb: m.OpenTunnel, call: int) -> m.Listening:
        container = self._estate.container(peer, verb.container)
        await container.ready()
        tunnel = Tunnel(verb.tunnel, container.id, container.dialler(verb.port), self._relay)
        return await listen(peer, container, tunnel, verb)

    async def _dial(self, peer: Peer, verb: m.Dial, call: int) -> m.Done:
        tunnel = _found(peer, verb.tunnel)
        peer.require_new(verb.output, verb.input)

        def over(carried: Carried) -> None:
            peer.put_down(carried)
            tunnel.put_down(carried)

        carried = peer.carry(verb.output, verb.input, over)
        try:
            await tunnel.carry(carried)
        except OSError as problem:
            raise Unreachable(
                f"nobody takes the connection: {problem.strerror or 'its queue is full'}"
            ) from problem
        finally:
            if not carried.joined:
                carried.cut()
        return m.Done()

    async def _close(self, peer: Peer, verb: m.CloseTunnel, call: int) -> m.Done:
        _found(peer, verb.tunnel).close()
        del peer.tunnels[verb.tunnel]
        return m.Done()


async def listen(
    peer: Peer, container: Container, tunnel: Tunnel, verb: m.OpenTunnel | m.OpenSsh
) -> m.Listening:
    """Let a tunnel listen where it was asked to, and belong to a session; not if its container ended meanwhile."""
    if verb.bind and not peer.pid:
        raise Refused("a location opens ports for programs on its own machine alone")
    if verb.bind:
        await tunnel.listen(verb.bind, verb.local_port)
    if container.over:
        tunnel.close()
        await container.ready()
    peer.tunnels[verb.tunnel] = tunnel
    return m.Listening(tunnel.address, tunnel.port)


def _found(peer: Peer, key: str) -> Tunnel:
    if key not in peer.tunnels:
        raise NotFound(f"no tunnel {key}")
    return peer.tunnels[key]
