"""A volume: a folder that outlives containers and sessions, mounted in any number of them."""

from __future__ import annotations

from collections.abc import Iterable

from ..blocking import verb
from ..errors import NotFound
from ..wire import messages as m
from ..wire import paths
from .callbacks import Given
from .connection import Connection
from .handle import Handle
from .tagging import Taggable


class Volume(Handle, Taggable):
    """Made by ``Location.create_volume`` or ``ensure_volume``, destroyed by ``Location.destroy_volume``.

    Every session of its user sees it, whichever made it; ``termination_callback`` gets ``(volume, 0)`` once it is destroyed.
    """

    termination_callback = Given()

    def __init__(self, offer: m.VolumeOffered, user: bytes, connection: Connection) -> None:
        Handle.__init__(self, offer.volume)
        Taggable.__init__(self, user, offer.volume, offer.tag or None)
        self._connection = connection
        self._offer = offer
        self.dead = False

    @property
    def created_at(self) -> float:
        """When it was made, seconds since the epoch."""
        return self._offer.created_at

    @property
    def snapshots(self) -> list[str]:
        """The labels of its snapshots; "" is that of the one without a label, which at first is the empty volume."""
        return list(self._offer.snapshots)

    @verb
    async def snapshot(self, label: str = "") -> None:
        """Keep what it holds at this moment, in place of what that label stood for; returns when that is done.

        What processes have written is in it, whether they have synced it or not. Containers go on meanwhile.

        Raises:
            NotFound: it was destroyed.
            UsageError: that is no label (they are like tags).
            EngineFailed: the disk is full, or the like.
        """
        self._require()
        await self._connection.call(m.SnapshotVolume(self.uuid, label))

    @verb
    async def rollback(self, label: str = "") -> None:
        """Bring back what a snapshot holds; returns when every container that mounts it sees that.

        Before the first ``snapshot()`` this empties it. A process that holds files open goes on with the old ones: end or
        reboot what does, as a database, before or after.

        Raises:
            NotFound: it was destroyed, or has no such snapshot.
            EngineFailed: a container still sees the former content; the message says which.
        """
        self._require()
        await self._connection.call(m.RollBackVolume(self.uuid, label))

    @staticmethod
    def trees_intersect(
        current: str | Iterable[str], proposed: str | Iterable[str]
    ) -> tuple[str, str] | None:
        """(inner, outer), without doubled or trailing slashes, of two folders where one is or contains the other, or None."""
        return paths.trees_intersect(current, proposed)

    def _require(self) -> None:
        if self.dead:
            raise NotFound(f"volume {self.display_name()} was destroyed")

    def _offered(self, offer: m.VolumeOffered) -> None:
        self._offer = offer
        self._changed()

    def _gone(self) -> None:
        self.dead = True
        self._callbacks.tell(self, "termination_callback", self, 0)
        self._changed()

    def __repr__(self) -> str:
        return f"<Volume {self.display_name()}{' destroyed' if self.dead else ''}>"
