"""What a tunnel and an SSH server have in common: a port of this machine that leads into a container."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import Ended
from .handle import Handle

if TYPE_CHECKING:
    from .container import Container


class Opening(Handle):
    """It ends with its container, or when it is destroyed."""

    def __init__(
        self, uuid: str, container: Container, what: str, address: str, localport: int
    ) -> None:
        super().__init__(uuid)
        self.bind = address
        self.dead = False
        self._container = container
        self._what = what
        self._localport = localport

    def localport(self) -> int:
        """The port on this machine.

        Raises:
            Ended: it is closed.
        """
        if self.dead:
            raise Ended(f"the {self._what} of {self._container.name} is closed")
        return self._localport

    def container(self) -> Container:
        """Where it leads."""
        return self._container

    def _close(self) -> None:
        self.dead = True
        self._changed()
