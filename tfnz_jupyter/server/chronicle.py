"""Keeps the store in step with what happens, so that a later location finds it so."""

from __future__ import annotations

from ..engines.base import Engine
from ..wire.messages import ContainerChanged, Spawn
from .containers import Container
from .peer import Peer
from .programs import born
from .store import ContainerRow, SessionRow, Store


class Chronicle:
    """Writes to the store; the engine may forget the end of what is written there as ended."""

    def __init__(self, store: Store, engine: Engine) -> None:
        self._store = store
        self._engine = engine
        self._written: dict[str, str] = {}  # container -> its state in the store

    def close(self) -> None:
        """Let go of the store."""
        self._store.close()

    def joined(self, peer: Peer) -> None:
        """A session began."""
        row = SessionRow(peer.id, peer.user, peer.key, peer.secret, peer.pid, born(peer.pid))
        self._store.session_began(row)

    def left(self, peer: Peer) -> None:
        """A session is over, and all it owned nobody's."""
        self._store.session_ended(peer.id)

    def wished(self, peer: Peer, wish: Spawn) -> None:
        """A session may have a container."""
        news = ContainerChanged(wish.container, "preparing")
        row = ContainerRow(peer.id, peer.user, wish, news, None)
        self._store.container_wished(row)
        self.revived(row)

    def revived(self, row: ContainerRow) -> None:
        """A container is in the store already."""
        self._written[row.wish.container] = row.news.state

    def changed(self, container: Container) -> None:
        """Write how a container is, where that is more than progress."""
        if self._written.get(container.id, container.state) != container.state:
            self._written[container.id] = container.state
            log, made = container.process.log, None
            if container.spec is not None and not container.over:
                made = (container.wish, container.spec)
            self._store.container_changed(container.news, log.total, log.lines, made)
        if container.over:
            self._written.pop(container.id, None)
            self._engine.noted(container.id)
