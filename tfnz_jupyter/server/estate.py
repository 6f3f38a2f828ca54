"""What a location holds, whoever's it is, and who may reach for it.

A user never learns of another's: what is somebody else's is not found, in the words used for what does not exist.
"""

from __future__ import annotations

import asyncio
from signal import SIGKILL

from ..engines.base import Running
from ..errors import NotFound
from .containers import Container
from .ledger import Ledger
from .peer import Peer


class Estate:
    """All containers of a location, by id; ``ledger`` knows whose they are."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._containers: dict[str, Container] = {}
        self._killing: asyncio.Future[list[None]] | None = None
        #: Processes that a killed location left, and no session has come back for: by id, with their container's.
        self.unclaimed: dict[str, tuple[str, Running]] = {}

    def add(self, container: Container) -> None:
        """A container was wished for."""
        self._containers[container.id] = container

    def remove(self, keys: tuple[str, ...]) -> list[Container]:
        """Forget containers; those that were known."""
        return [self._containers.pop(key) for key in keys if key in self._containers]

    def has(self, peer: Peer, key: str) -> bool:
        """Whether a container is a session's own."""
        found = self._containers.get(key)
        return found is not None and found.session == peer.id

    def lives(self, key: str) -> bool:
        """Whether there is such a container, and it is not over."""
        found = self._containers.get(key)
        return found is not None and not found.over

    def on(self, nodes: set[str]) -> list[Container]:
        """What is on certain nodes, and not over."""
        return [c for c in self._containers.values() if c.node in nodes and not c.over]

    def of(self, session: str) -> list[Container]:
        """A session's own containers, ended ones too."""
        return [c for c in self._containers.values() if c.session == session]

    def end_unclaimed(self) -> None:
        """Whoever has not come back for a process by now will not: it is killed."""
        kills = [running.signal(SIGKILL) for _container, running in self.unclaimed.values()]
        self._killing = asyncio.gather(*kills)
        self.unclaimed.clear()

    def claim(self, container: Container, process: str) -> Running | None:
        """A process that was left in a container, once."""
        if self.unclaimed.get(process, ("", None))[0] != container.id:
            return None
        return self.unclaimed.pop(process)[1]

    def container(self, peer: Peer, key: str) -> Container:
        """A container that a session may reach for: its own, or a tagged one of the same user's.

        Raises:
            NotFound: there is none, or it is neither.
        """
        found = self._containers.get(key)
        if found is None or not self._ledger.may_reach(peer.id, key):
            raise NotFound(f"no container {key}")
        return found

    def running_of(self, user: str, image: str) -> list[Container]:
        """A user's containers, not over, of an image's id; those on their way too."""
        mine = [c for c in self._containers.values() if c.user == user and not c.over]
        return [c for c in mine if c.image_id == image]

    def mounting(self, volume: str) -> list[Container]:
        """The containers, not yet over, that have a volume."""
        return [c for c in self._containers.values() if not c.over and volume in c.volumes]

    def running(self) -> list[Container]:
        """All that run, or sleep."""
        return [found for found in self._containers.values() if found.ip and not found.over]

    def offered(self, peer: Peer) -> list[Container]:
        """Live tagged containers of the other sessions of a session's user."""
        known = self._containers
        return [known[key] for key in self._ledger.offered(peer.id) if key in known]

    def live(self, user: str) -> int:
        """How many live containers a user has."""
        return self._ledger.live(user)
