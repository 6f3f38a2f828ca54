"""Images: making them ready, and what there is."""

from __future__ import annotations

from ...engines.base import ImageInfo, Progress, Report
from ...errors import NotFound
from ...wire import messages as m
from ..pace import Paced
from ..peer import Peer
from .deeds import Deed, Means


class ImageVerbs:
    """The verbs of images."""

    def __init__(self, means: Means) -> None:
        self._engine, self._images = means.engine, means.images

    def deeds(self) -> dict[type, Deed]:
        """Verb -> what does it."""
        return {
            m.EnsureImage: self._ensure,
            m.FindImage: self._find,
            m.PutImage: self._put,
            m.ListImages: self._list,
        }

    async def _ensure(self, peer: Peer, verb: m.EnsureImage, call: int) -> m.ImageReady:
        report = _report(peer, call)
        images = self._images.of(peer.user)
        image = await images.ensure(verb.reference, report, verb.login)
        await self._engine.install(image, images.blobs, report)
        return _ready(image)

    async def _find(self, peer: Peer, verb: m.FindImage, call: int) -> m.ImageReady:
        found = await self._images.of(peer.user).known(verb.reference)
        if found is None:
            raise NotFound(f"no image {verb.reference}")
        return _ready(found)

    async def _put(self, peer: Peer, verb: m.PutImage, call: int) -> m.ImageReady:
        report, images = _report(peer, call), self._images.of(peer.user)
        peer.require_new(verb.input)
        stream = peer.in_stream(verb.input)
        try:
            image = await images.take(verb.reference, verb.ref, stream.read, report)
        finally:
            stream.close()
        await self._engine.install(image, images.blobs, report)
        return _ready(image)

    async def _list(self, peer: Peer, verb: m.ListImages, call: int) -> m.Images:
        return m.Images([_ready(image) for image in self._images.of(peer.user).list()])


def _report(peer: Peer, call: int) -> Report:
    """Tells a session how far a call of its is."""

    def tell(progress: Progress) -> None:
        peer.tell(m.Progressed(call, progress.step, progress.text, progress.done, progress.total))

    return Paced(tell)


def _ready(image: ImageInfo) -> m.ImageReady:
    return m.ImageReady(
        image.reference, image.id, image.source, [layer.diff_id for layer in image.layers]
    )
