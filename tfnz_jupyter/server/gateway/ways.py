"""Ways to containers whose addresses Caddy cannot reach: a socket in its folder for each, from which the engine dials.

A connection that one container of a cluster refuses goes on to the next, as Caddy's own would: only what could not be dialled
at all is safe to be sent on, and a socket that listens here takes every connection.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass

from ...engines.base import Engine
from ...errors import TfnzError
from ..relay import Relay
from ..tunnels import Dial, Tunnel
from .caddy import Caddy


@dataclass(frozen=True, slots=True)
class Way:
    """Where a connection goes: to the first of these containers that takes it."""

    containers: tuple[str, ...]
    port: int


class Ways:
    """All of one gateway's.

    Args:
        engine: dials containers.
        caddy: connects to the sockets.
        relay: carries what is connected.
    """

    def __init__(self, engine: Engine, caddy: Caddy, relay: Relay) -> None:
        self._engine, self._caddy, self._relay = engine, caddy, relay
        self._wanted: dict[str, Way] = {}
        self._open: dict[str, Tunnel] = {}

    async def reachable(self, container: str) -> bool:
        """Whether Caddy needs no way to a container; one that is over needs none."""
        try:
            return await self._engine.reachable(container)
        except TfnzError:
            return True

    def open(self, wanted: Mapping[str, Way]) -> None:
        """Have these, by the names of their sockets; those that are open lead where they are to lead now."""
        self._wanted |= wanted
        for name in wanted.keys() - self._open.keys():
            tunnel = Tunnel(f"way {name}", name, self._dialler(name), self._relay)
            tunnel.serve(self._caddy.listen(name))
            self._open[name] = tunnel

    def keep(self, wanted: Mapping[str, Way]) -> None:
        """Close all but these; what is under way on the others goes on."""
        for name in self._open.keys() - wanted.keys():
            self._open.pop(name).rest()
            del self._wanted[name]
            self._caddy.forget(name)

    def close(self) -> None:
        """Close all, and cut what is under way. Idempotent."""
        for tunnel in self._open.values():
            tunnel.close()
        self.keep({})

    def _dialler(self, name: str) -> Dial:
        async def dial() -> socket.socket:
            way = self._wanted[name]
            problem: OSError | TfnzError = ConnectionRefusedError()
            for container in way.containers:
                try:
                    return await self._engine.dial(container, way.port)
                except (OSError, TfnzError) as refusal:
                    problem = refusal
            raise problem

        return dial
