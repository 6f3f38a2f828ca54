"""A container that another session of this user owns, and has tagged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..blocking import loop, on_loop
from ..errors import TfnzError
from ..wire import messages as m
from .connection import Connection
from .container import Container
from .following import Following
from .lines import LineRing
from .streams import Source

if TYPE_CHECKING:
    from .node import Node


class ExternalContainer(Container):
    """Found by ``Location.external_container``. It does all that a container does, and ends with the session that owns it.

    What it prints is followed from the moment it is first asked for; ``termination_callback`` may be set at any time.
    """

    def __init__(
        self, offer: m.ExternalOffered, user: bytes, node: Node, connection: Connection
    ) -> None:
        wish = m.Spawn(
            container=offer.container,
            name=offer.name,
            image=offer.image,
            output=0,
            input=0,
            node=offer.node,
            command=offer.command,
            tag=offer.tag,
        )
        super().__init__(wish, node, connection, (None, None, None), user)
        self._input.source = None  # until it is used
        self._attached = False

    @property
    def log(self) -> LineRing:
        """What it printed last, as numbered lines; as far as the location still holds what came before the first use."""
        self._follow()
        return super().log

    def _held(self, tail: int | None, since: float | None) -> bytes:
        """What the location holds: this session may have been listening for a moment only."""
        if self.dead or on_loop():
            return super()._held(tail, since)
        return b"".join(Following(self._connection, self.uuid, tail, since, onward=False))

    def _follow(self) -> None:
        """Begin to take in what it prints, once. Any thread."""
        if on_loop():
            self._attach()
        else:
            loop().call_soon_threadsafe(self._attach)

    def _attach(self) -> None:
        if self._attached or self.dead:
            return
        self._attached = True
        self._connection.read(self._stream(self._wish.output, self._output, lossless=False))
        self._input.source = Source(self.uuid)
        self._connection.post(m.Attach(self.uuid, self._wish.output, self._input.stream))

    async def _running(self) -> None:
        await super()._running()
        self._attach()  # whoever uses it may feed it, or ask what it says

    def _heard(self, news: m.ContainerChanged) -> None:
        super()._heard(news)
        if self.dead and not self._attached:
            self._output.end()  # nothing of it will come

    def _session_ended(self, why: TfnzError) -> None:
        super()._session_ended(why)
        if not self._attached:
            self._output.end()
