"""A port of this machine that leads to a port of a container."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .opening import Opening

if TYPE_CHECKING:
    from .container import Container


class Tunnel(Opening):
    """Made by ``Container.attach_tunnel``. It ends with its container, or by ``Container.destroy_tunnel``."""

    def __init__(
        self, uuid: str, container: Container, port: int, address: str, localport: int
    ) -> None:
        super().__init__(uuid, container, f"tunnel to port {port}", address, localport)
        self.port = port  # in the container

    @property
    def url(self) -> str:
        """As a browser on this machine would open it."""
        host = "127.0.0.1" if self.bind in ("0.0.0.0", "") else self.bind
        return f"http://{f'[{host}]' if ':' in host else host}:{self._localport}"

    def __repr__(self) -> str:
        state = "closed" if self.dead else "open"
        return (
            f"<Tunnel {self.bind}:{self._localport} -> {self._container.name}:{self.port} {state}>"
        )
