"""Images: making them ready, and what there is."""

from __future__ import annotations

from ...engines.base import ImageInfo, Progress
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
        return {m.EnsureImage: self._ensure, m.ListImages: self._list}

    async def _ensure(self, peer: Peer, verb: m.EnsureImage, call: int) -> m.ImageReady:
        def tell(progress: Progress) -> None:
            peer.tell(
                m.Progressed(call, progress.step, progress.text, progress.done, progress.total)
            )

        report = Paced(tell)
        images = self._images.of(peer.user)
        image = await images.ensure(verb.reference, report, verb.login)
        await self._engine.install(image, images.blobs, report)
        return _ready(image)

    async def _list(self, peer: Peer, verb: m.ListImages, call: int) -> m.Images:
        return m.Images([_ready(image) for image in self._images.of(peer.user).list()])


def _ready(image: ImageInfo) -> m.ImageReady:
    return m.ImageReady(
        image.reference, image.id, image.source, [layer.diff_id for layer in image.layers]
    )
