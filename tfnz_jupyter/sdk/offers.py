"""What a location has to offer, kept up to date by what it says unasked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from ..blocking import verb
from ..errors import NotFound, SessionEnded, TfnzError, UsageError
from ..wire import messages as m
from ..wire.placement import Promises
from .callbacks import Given
from .condition import Usage
from .connection import Connection
from .container import Container
from .endpoint import WebEndpoint
from .external import ExternalContainer
from .handle import Handle, nearest
from .node import Node
from .tagging import TaggedCollection
from .tunnel import Tunnel

if TYPE_CHECKING:
    from .location import Location


class Offers(Handle):
    """The part of a session that knows nodes, containers, tunnels, and what becomes of them."""

    new_node_callback = Given()

    def __init__(self, location: str, new_node_callback: Callable[[Node], object] | None) -> None:
        super().__init__("")
        self.location = location
        self.nodes: dict[str, Node] = {}
        self.containers: dict[str, Container] = {}
        #: Tagged containers of the user's other sessions, as they are now.
        self.externals: TaggedCollection[ExternalContainer] = TaggedCollection()
        #: The domains to publish under.
        self.endpoints: dict[str, WebEndpoint] = {}
        self._missing: set[str] = set()  # what was offered, and a reborn location has not told yet
        self._promises = Promises()
        self._reopening: set[asyncio.Task[None]] = set()
        self.new_node_callback = new_node_callback
        self.user_pk = b""
        self._why: TfnzError | None = None
        self._offered: asyncio.Event
        self._connection: Connection

    @property
    def dead(self) -> bool:
        """Whether the session is over."""
        return self._why is not None

    @property
    def reason(self) -> str:
        """Why it is over; empty while it is not."""
        return self._why.message if self._why else ""

    @property
    def tunnels(self) -> dict[str, Tunnel]:
        """This session's open tunnels, by id."""
        return {t.uuid: t for c in list(self.containers.values()) for t in c.tunnels}

    def ranked_nodes(self) -> list[Node]:
        """All nodes, best first, with what was spawned and is not in their statistics yet counted in."""
        now = time.monotonic()
        scores = {
            n.uuid: n.stats.score - self._promises.on(n.uuid, now) for n in self.nodes.values()
        }
        return sorted(self.nodes.values(), key=lambda node: -scores[node.uuid])

    def node(self) -> Node:
        """The best node there is.

        Raises:
            NotFound: there is none.
            SessionEnded: the session is over.
        """
        self._require_alive()
        if not self.nodes:
            raise NotFound(f"{self.location} has no nodes")
        return self.ranked_nodes()[0]

    def container(self, key: str) -> Container:
        """One of this session's containers, by name, id, or the unique beginning of its id; live ones first.

        Raises:
            NotFound: none answers to it; the hint names the nearest.
            UsageError: it begins the ids of several.
        """
        every = sorted(self.containers.values(), key=lambda c: c.dead)
        for match in (
            [c for c in every if c.uuid == key],
            [c for c in every if c.name == key and not c.dead],
            [c for c in reversed(every) if c.name == key],
            [c for c in every if c.uuid.startswith(key)] if len(key) >= 4 else [],
        ):
            if len(match) > 1 and match[0].name != key:
                raise UsageError(f"{key!r} begins the id of {len(match)} containers")
            if match:
                return match[0]
        raise NotFound(f"no container {key!r}", hint=nearest(key, {c.name for c in every}))

    def external_container(self, key: str | bytes) -> ExternalContainer:
        """A live tagged container of another session of this user, by id, tag or ``id:tag``.

        Raises:
            NotFound: no other session has it (any more); the hint names the nearest.
            SessionEnded: the session is over.
        """
        self._require_alive()
        try:
            found = self.externals.get(self.user_pk, key)
        except NotFound as problem:
            tags = [external.tag or external.uuid for external in self.externals]
            raise NotFound(
                f"no container of another session is called {key!r}", hint=nearest(str(key), tags)
            ) from problem
        found._follow()
        return found

    def endpoint_for(self, fqdn: str) -> WebEndpoint:
        """The endpoint that a name can be published at: the one with the longest domain.

        Raises:
            UsageError: no domain of this location is the name's.
            SessionEnded: the session is over.
        """
        self._require_alive()
        found = [endpoint for endpoint in self.endpoints.values() if endpoint.covers(fqdn)]
        if not found:
            offered = ", ".join(self.endpoints) or "none"
            raise UsageError(f"no domain for {fqdn}", hint=f"This location offers: {offered}.")
        return max(found, key=lambda endpoint: len(endpoint.domain))

    @verb
    async def authority(self) -> str:
        """The root certificate (PEM) of the location's own authority, for those who shall trust what it signs.

        It is never put where it would be trusted by itself.

        Raises:
            NotSupported: the location cannot serve web endpoints.
        """
        found = await self._connection.call(m.AskAuthority())
        assert isinstance(found, m.Authority)
        return found.certificate

    def _endpoints_changed(self, news: m.EndpointsChanged) -> None:
        for domain in news.domains:
            if domain not in self.endpoints:
                self.endpoints[domain] = WebEndpoint(domain, self._connection)
        for endpoint in self.endpoints.values():
            mine = [s for s in news.sites if self.endpoint_for(s.fqdn) is endpoint]
            endpoint._offered(mine, news.address)
        self._changed()

    def _external_offered(self, offer: m.ExternalOffered) -> None:
        if offer.container in self._missing:
            return self._missing.discard(offer.container)
        for known in self.externals:
            if known.tag == offer.tag:  # it is just going: its tag is free already
                self.externals.remove(known)
        node = self.nodes.get(offer.node)
        if node is None:  # it was lost meanwhile, and the container with it
            return None
        external = ExternalContainer(offer, self.user_pk, node, self._connection)
        self.externals.add(external)
        return self._changed()

    def _all_offered(self) -> None:
        """Everything has been told: what was there before and was not told again has gone meanwhile."""
        for uuid in self._missing:
            reason = "its session ended while the location was away"
            self._external_changed(m.ContainerChanged(uuid, "ended", reason=reason))
        self._missing.clear()
        self._offered.set()

    def reborn(self) -> None:
        """The location was killed, and goes on: it tells anew what there is."""
        self._missing = {external.uuid for external in self.externals}
        reached = [*self.containers.values(), *self.externals, *self.endpoints.values()]
        for task in [asyncio.ensure_future(one._reopen()) for one in reached]:
            self._reopening.add(task)
            task.add_done_callback(self._reopening.discard)

    def _external_changed(self, news: m.ContainerChanged) -> None:
        for external in self.externals:
            if external.uuid == news.container:
                external._heard(news)
                if external.dead:
                    self.externals.remove(external)
        self._changed()

    def _promise_kept(self, news: m.ContainerChanged) -> None:
        if news.state == "running":
            self._promises.runs(news.container, time.monotonic())
        elif news.state in ("ended", "failed"):
            self._promises.over(news.container)

    def _usage_changed(self, news: m.UsageChanged) -> None:
        known = {external.uuid: external for external in self.externals} | self.containers
        for key, *numbers in news.used:
            if (container := known.get(key)) is not None:
                container._usage = Usage(*numbers)
                container._changed()

    def _nodes_changed(self, nodes: list[m.NodeState]) -> None:
        gone = set(self.nodes) - {state.id for state in nodes}
        for key in gone:
            self.nodes[key]._lost()
        self.nodes = {key: node for key, node in self.nodes.items() if key not in gone}
        for state in nodes:
            if (node := self.nodes.get(state.id)) is not None:
                node._sampled(state)
            else:
                node = self.nodes[state.id] = Node(state, cast("Location", self))
                if self._offered.is_set():
                    self._callbacks.tell(self, "new_node_callback", node)
        self._changed()

    def _require_alive(self) -> None:
        if self._why is not None:
            raise SessionEnded(self._why.message, hint=self._why.hint)
