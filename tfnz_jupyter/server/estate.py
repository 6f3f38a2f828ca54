"""What a location holds, whoever's it is, and who may reach for it.

A user never learns of another's: what is somebody else's is not found, in the words used for what does not exist.
"""

from __future__ import annotations

from ..errors import NotFound
from .containers import Container
from .ledger import Ledger
from .peer import Peer


class Estate:
    """All containers of a location, by id; ``ledger`` knows whose they are."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._containers: dict[str, Container] = {}

    def add(self, container: Container) -> None:
        """A container was wished for."""
        self._containers[container.id] = container

    def remove(self, keys: tuple[str, ...]) -> list[Container]:
        """Forget containers; those that were known."""
        return [self._containers.pop(key) for key in keys if key in self._containers]

    def container(self, peer: Peer, key: str) -> Container:
        """A container that a session may reach for: its own, or a tagged one of the same user's.

        Raises:
            NotFound: there is none, or it is neither.
        """
        found = self._containers.get(key)
        if found is None or not self._ledger.may_reach(peer.id, key):
            raise NotFound(f"no container {key}")
        return found

    def offered(self, peer: Peer) -> list[Container]:
        """Live tagged containers of the other sessions of a session's user."""
        known = self._containers
        return [known[key] for key in self._ledger.offered(peer.id) if key in known]

    def live(self, user: str) -> int:
        """How many live containers a user has."""
        return self._ledger.live(user)
