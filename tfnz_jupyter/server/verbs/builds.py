"""Building an image, step by step in containers of the user's.

A build is its caller's call: cancelling that, or the end of the session, ends it and leaves nothing but what the cache holds.
It counts as one container of its user's.
"""

from __future__ import annotations

import contextlib

from ...engines.base import ImageInfo, Limits, Report
from ...errors import Ended, UsageError
from ...wire import egress
from ...wire import messages as m
from ...wire.ids import own_id
from ..building import Build, Log, Site, Wish
from ..peer import Peer
from ..streams import OutStream
from ..trees import Read
from .deeds import Deed, Means
from .images import ready, report_to

_LONGEST = 1 << 20  # characters of a Dockerfile


class BuildVerbs:
    """The verb of building."""

    def __init__(self, means: Means) -> None:
        self._means, self._engine = means, means.engine

    def deeds(self) -> dict[type, Deed]:
        """Verb -> what does it."""
        return {m.BuildImage: self._build}

    async def _build(self, peer: Peer, verb: m.BuildImage, call: int) -> m.ImageReady:
        if len(verb.dockerfile) > _LONGEST:
            raise UsageError(f"a Dockerfile has at most {_LONGEST:,} characters")
        peer.require_new(verb.output, *([verb.input] if verb.input else []))
        output = peer.out_stream(verb.output)
        context = peer.in_stream(verb.input) if verb.input else None
        try:
            with self._means.hold(peer, verb.memory) as node:
                read = context.read_all if context else None
                return ready(
                    await self._built(peer, verb, node, output, read, report_to(peer, call))
                )
        finally:
            if context is not None:
                context.close()
            output.finish()

    async def _built(
        self, peer: Peer, verb: m.BuildImage, node: str, output: OutStream, read: Read | None,
        report: Report,
    ) -> ImageInfo:  # fmt: skip
        images, workshop = self._means.images.of(peer.user), self._engine.workshop(node)
        site = Site(
            self._engine, workshop, images.blobs, node, Limits(memory=verb.memory),
            lambda: own_id(peer.key),
        )  # fmt: skip
        wish = Wish(
            verb.reference, verb.dockerfile, tuple(verb.arguments), verb.target, verb.cache,
            _way_out(verb.egress),
        )  # fmt: skip
        return await Build(wish, site, images, _to(output), report, read).run()


def _to(output: OutStream) -> Log:
    """Writes for whoever may no longer want to read it."""

    async def log(data: bytes) -> None:
        with contextlib.suppress(Ended):
            await output.write(data)

    return log


def _way_out(given: str | list[str]) -> str | tuple[str, ...]:
    found = egress.valid(given)
    return found if isinstance(found, str) else tuple(found)
