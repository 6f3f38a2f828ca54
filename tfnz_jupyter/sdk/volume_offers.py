"""The volumes of a user, whichever session made them, kept up to date by what the location says."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from ..blocking import verb
from ..errors import NotFound, NotSupported, UsageError
from ..wire import messages as m
from ..wire import tags
from ..wire.ids import own_id
from ..wire.paths import trees_intersect
from . import asking
from .handle import nearest
from .offers import Offers
from .tagging import Key, TaggedCollection
from .volume import Volume


class VolumeOffers(Offers):
    """The part of a session that knows volumes."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        #: This user's, as they are now.
        self.volumes: TaggedCollection[Volume] = TaggedCollection()

    def volume(self, key: Key) -> Volume:
        """One of this user's volumes, by id, tag or ``id:tag``.

        Raises:
            NotFound: none answers to it; the hint names the nearest.
            SessionEnded: the session is over.
        """
        self._require_alive()
        try:
            return self.volumes.get(self.user_pk, key)
        except NotFound as problem:
            known = [volume.tag or volume.uuid for volume in self.volumes]
            name = tags.text(key, "key")
            hint = f"{nearest(name, known)} ensure_volume({name!r}) finds it or makes it."
            raise NotFound(f"no volume {name!r}", hint=hint) from problem

    def all_volumes(self) -> list[Volume]:
        """All of this user's, oldest first."""
        return sorted(self.volumes, key=lambda volume: volume.created_at)

    @verb
    async def create_volume(
        self,
        *,
        tag: Key | None = None,
        asynchronous: bool = True,
        termination_callback: Callable[..., object] | None = None,
    ) -> Volume:
        """A new, empty volume; it stays until it is destroyed.

        Args:
            tag: to find it by; unique among what this user has.
            asynchronous: False is not to be had: what a program syncs is on the disk in any case.
            termination_callback: ``(volume, 0)``, once it is destroyed, by whomever.

        Raises:
            UsageError: that can be no tag, or it is taken.
            EngineFailed: the disk is full, or the like.
        """
        if not asynchronous:
            raise NotSupported(
                "asynchronous=False: a volume cannot make programs wait for the disk at every write",
                hint="What a program syncs is on the disk.",
            )
        self._require_alive()
        key = own_id(self.user_pk)
        await self._connection.call(m.CreateVolume(key, tags.valid(tag) or ""))
        volume = self.volumes[key]
        volume.termination_callback = termination_callback
        return volume

    @verb
    async def ensure_volume(self, key: Key) -> Volume:
        """The volume with that id, tag or ``id:tag``; where there is none, a new one with the key as its tag.

        Raises:
            UsageError: there is none, and the key can be no tag.
        """
        with contextlib.suppress(NotFound):
            return self.volume(key)
        tags.valid(key)
        try:
            return await self.create_volume.aio(tag=key)
        except UsageError:
            with contextlib.suppress(NotFound):  # another session was quicker
                return self.volume(key)
            raise

    @verb
    async def destroy_volume(self, volume: Volume) -> None:
        """Remove a volume with all it holds and all its snapshots. There is no way back.

        Raises:
            Refused: a live container mounts it, in whatever session.
            NotFound: it was destroyed already.
        """
        if not isinstance(volume, Volume):
            raise UsageError(f"{volume!r} is not a Volume", hint="Location.volume(key) finds one.")
        volume._require()
        await self._connection.call(m.DestroyVolume(volume.uuid))

    def _mounts(self, given: asking.Pairs | None) -> list[tuple[Volume, str]]:
        """What ``volumes=`` of a spawn means.

        Raises:
            UsageError: an element is no volume and folder, or two of them would cover each other.
            NotFound: there is no such volume.
        """
        found: list[tuple[Volume, str]] = []
        for volume, place in asking.pairs(given, "volumes"):
            if not isinstance(volume, Volume):
                volume = self.volume(tags.text(volume, "volumes"))
            volume._require()
            folder = asking.mount_point(place)
            if cover := trees_intersect([other for _, other in found], folder):
                raise UsageError(f"volumes: {cover[0]} would lie in {cover[1]}")
            found.append((volume, folder))
        return found

    def reborn(self) -> None:
        """The location was killed, and goes on: it tells anew what there is."""
        super().reborn()
        self._missing |= {volume.uuid for volume in self.volumes}

    def _all_offered(self) -> None:
        for key in self._missing:
            self._volume_gone(key)
        super()._all_offered()

    def _volume_offered(self, offer: m.VolumeOffered) -> None:
        self._missing.discard(offer.volume)
        if offer.volume in self.volumes:
            self.volumes[offer.volume]._offered(offer)
        else:
            self.volumes.add(Volume(offer, self.user_pk, self._connection))
        self._changed()

    def _volume_gone(self, key: str) -> None:
        if key in self.volumes:
            volume = self.volumes[key]
            self.volumes.remove(volume)
            volume._gone()
            self._changed()
