"""Images: making them ready, and what there is."""

from __future__ import annotations

import asyncio

from ...engines.base import ImageInfo, Progress, Report
from ...errors import NotFound, Refused
from ...wire import messages as m
from ..pace import Paced
from ..peer import Peer
from .deeds import Deed, Means


class ImageVerbs:
    """The verbs of images."""

    def __init__(self, means: Means) -> None:
        self._engine, self._images = means.engine, means.images
        self._estate = means.estate

    def deeds(self) -> dict[type, Deed]:
        """Verb -> what does it."""
        return {
            m.EnsureImage: self._ensure,
            m.FindImage: self._find,
            m.PutImage: self._put,
            m.ListImages: self._list,
            m.RemoveImage: self._remove,
        }

    async def _ensure(self, peer: Peer, verb: m.EnsureImage, call: int) -> m.ImageReady:
        report = report_to(peer, call)
        images = self._images.of(peer.user)
        image = await images.ensure(verb.reference, report, verb.login)
        await self._engine.install(image, images.blobs, report)
        return ready(image)

    async def _find(self, peer: Peer, verb: m.FindImage, call: int) -> m.ImageReady:
        found = await self._images.of(peer.user).known(verb.reference)
        if found is None:
            raise NotFound(f"no image {verb.reference}")
        return ready(found)

    async def _put(self, peer: Peer, verb: m.PutImage, call: int) -> m.ImageReady:
        report, images = report_to(peer, call), self._images.of(peer.user)
        peer.require_new(verb.input)
        stream = peer.in_stream(verb.input)
        try:
            image = await images.take(verb.reference, verb.ref, stream.read, report)
        finally:
            stream.close()
        await self._engine.install(image, images.blobs, report)
        return ready(image)

    async def _list(self, peer: Peer, verb: m.ListImages, call: int) -> m.Images:
        return m.Images([ready(image) for image in self._images.of(peer.user).list()])

    async def _remove(self, peer: Peer, verb: m.RemoveImage, call: int) -> m.Done:
        images = self._images.of(peer.user)
        image = await asyncio.to_thread(images.find, verb.reference)
        users = self._estate.running_of(peer.user, image.id) if image else []
        if users:
            raise Refused(
                f"image {verb.reference} is in use by {', '.join(c.name for c in users)}",
                hint="Destroy what runs of it first.",
            )
        await images.remove(verb.reference)
        if image is not None:
            ids, diff_ids = await asyncio.to_thread(self._images.in_use)
            unneeded = [one for one in image.layers if one.diff_id not in diff_ids]
            await self._engine.uninstall(unneeded, None if image.id in ids else image)
        return m.Done()


def report_to(peer: Peer, call: int) -> Report:
    """Tells a session how far a call of its is."""

    def tell(progress: Progress) -> None:
        peer.tell(m.Progressed(call, progress.step, progress.text, progress.done, progress.total))

    return Paced(tell)


def ready(image: ImageInfo) -> m.ImageReady:
    return m.ImageReady(
        image.reference, image.id, image.source, [layer.diff_id for layer in image.layers]
    )
