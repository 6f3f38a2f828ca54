"""A port of this machine that leads to a port of a container."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import Ended
from .handle import Handle

if TYPE_CHECKING:
    from .container import Container


class Tunnel(Handle):
    """Made by ``Container.attach_tunnel``. It ends with its container, or by ``Container.destroy_tunnel``."""

    def __init__(
        self, uuid: str, container: Container, port: int, address: str, localport: int
    ) -> None:
        super().__init__(uuid)
        self.port = port  # in the container
        self.bind = address
        self.dead = False
        self._container = container
        self._localport = localport

    def localport(self) -> int:
        """The port on this machine.

        Raises:
            Ended: the tunnel is closed.
        """
        if self.dead:
            raise Ended(f"the tunnel to port {self.port} of {self._container.name} is closed")
        return self._localport

    @property
    def url(self) -> str:
        """As a browser on this machine would open it."""
        host = "127.0.0.1" if self.bind in ("0.0.0.0", "") else self.bind
        return f"http://{f'[{host}]' if ':' in host else host}:{self._localport}"

    def container(self) -> Container:
        """Where it leads."""
        return self._container

    def _close(self) -> None:
        self.dead = True
        self._changed()

    def __repr__(self) -> str:
        state = "closed" if self.dead else "open"
        return (
            f"<Tunnel {self.bind}:{self._localport} -> {self._container.name}:{self.port} {state}>"
        )
