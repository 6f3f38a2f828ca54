"""Images for Pods: the cluster fetches them, so what matters is where its nodes find them.

* With a **registry** (``--registry``) that the location can push to and the nodes pull from: whatever the location has,
  finds or builds is pushed there once; what lies in that registry already is used as it is. The cluster needs no other.
* Without one, names are left to the nodes, which fetch them as they always do; the location only reads, by skopeo, what
  the image says about running it. An image of a recipe, an archive or the user's machine has no way there: ``NotSupported``.
"""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path

from ...errors import EngineFailed, NotSupported
from ..base import ImageInfo, Report
from .image_documents import image_info
from .registry import Registry
from .skopeo import skopeo

log = logging.getLogger(__name__)

ENGINE = "kubernetes"
#: Has a static /bin/busybox, in every registry mirror there is.
_PUBLIC_INIT = "docker.io/library/busybox:1.36-musl"
_FRESH = 60.0  # seconds for which what a registry said is not asked again
_PATIENCE = 15.0  # seconds for its answer


class Images:
    """The images of one engine.

    Args:
        registry: "" for none; see :meth:`Registry.parse`.
        init: an image with a static ``/bin/busybox`` that Pods are to be started with, "" for one of ours.

    Raises:
        UsageError: that is no registry.
    """

    def __init__(self, registry: str = "", init: str = "") -> None:
        self._registry = Registry.parse(registry) if registry else None
        self._ours = self._registry
        self._init = init
        self._known: dict[str, tuple[float, ImageInfo | None]] = {}
        self._pushing: dict[str, asyncio.Task[None]] = {}

    def open(self, location: str) -> None:
        """What is pushed from now on is that location's own."""
        self._ours = self._registry and self._registry.of(location)

    async def find(self, reference: str) -> ImageInfo | None:
        """See :meth:`~tfnz_jupyter.engines.base.Engine.image`: what the nodes can fetch by themselves."""
        if reference == "." or (self._registry and not self._registry.has(reference)):
            return None
        now = asyncio.get_running_loop().time()
        asked, found = self._known.get(reference, (-_FRESH, None))
        if now - asked > _FRESH:
            found = await self._inspect(reference)
            self._known[reference] = now, found
        return found

    async def install(self, image: ImageInfo, blobs: Path, report: Report) -> None:
        """See :meth:`~tfnz_jupyter.engines.base.Engine.install`. Who asks for one that is being pushed waits for that.

        Raises:
            NotSupported: no node could find it, for there is no registry.
            EngineFailed: it cannot be pushed.
        """
        if image.source == ENGINE:
            return
        if self._ours is None:
            raise NotSupported(
                f"the cluster's nodes cannot fetch {image.reference}: it is on this location's machine alone",
                hint="Name a registry that they pull from and this location may push to: --registry HOST:PORT.",
            )
        reference = self._ours.reference(image)
        pushing = self._pushing.get(reference)
        if pushing is None or (pushing.done() and (pushing.cancelled() or pushing.exception())):
            pushing = asyncio.ensure_future(self._ours.push(image, blobs, report))
            self._pushing[reference] = pushing
        await asyncio.shield(pushing)

    async def uninstall(self, image: ImageInfo) -> None:
        """Have the registry forget an image of this location's; what was there before, or is another's, stays.

        Raises:
            NotSupported, EngineFailed: as :meth:`Registry.remove`.
        """
        if image.source == ENGINE or self._ours is None:
            return
        pushing = self._pushing.pop(self._ours.reference(image), None)
        if pushing is not None:
            await asyncio.wait([pushing])
        await self._ours.remove(image)

    def pulled(self, image: ImageInfo) -> str:
        """What a Pod is to say it wants, once the image is installed."""
        if image.source == ENGINE or self._ours is None:
            return image.reference
        return self._ours.reference(image)

    async def init(self) -> str:
        """The image that starts every container.

        Raises:
            NotSupported, EngineFailed: as :meth:`Registry.push_init`.
        """
        if not self._init:
            self._init = await self._registry.push_init() if self._registry else _PUBLIC_INIT
        return self._init

    async def close(self) -> None:
        """Let go of what is being pushed."""
        pushing = [task for task in self._pushing.values() if not task.done()]
        for task in pushing:
            task.cancel()
        await asyncio.gather(*pushing, return_exceptions=True)

    async def _inspect(self, reference: str) -> ImageInfo | None:
        """What an image says about running it; None where nobody can tell."""
        plain = self._registry is not None and self._registry.plain
        options = ("--tls-verify=false",) if plain else ()
        try:
            async with asyncio.timeout(_PATIENCE):
                outcome = await skopeo(
                    "inspect", "--config", "--raw", *options, f"docker://{reference}"
                )
        except TimeoutError:
            log.info("%s: its registry does not answer", reference)
            return None
        if outcome.code:
            log.info("%s: %s", reference, outcome.err)
            return None
        try:
            return image_info(reference, json.loads(outcome.out), ENGINE)
        except ValueError as e:
            raise EngineFailed(f"the registry has no image of that name: {reference}") from e
