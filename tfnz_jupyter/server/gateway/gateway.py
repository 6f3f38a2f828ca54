"""The web gateway of a location: who has which name, and Caddy behind two ports as long as anybody has one.

Changes are made one after the other, each whole or not at all: what Caddy does not take, or cannot serve, is as if it had
never been asked for.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable, Coroutine, Iterable, Set
from pathlib import Path
from typing import Any

from ...engines.base import Behind, Engine, NodeInfo
from ...errors import EngineFailed, TfnzError, UsageError
from ...wire import messages as m
from ..containers import Container
from ..peer import Peer
from ..relay import Relay
from .caddy import Caddy
from .config import HTTPS, Upstream, config, way
from .doors import Doors
from .sites import Site, Sites, Web, checked_name
from .ways import Way, Ways

log = logging.getLogger(__name__)

_LOOPBACK = "127.0.0.1"
#: Ends of containers become one change after this long: by then each visitor who met one has been sent on, and meanwhile
#: Caddy leaves them out by itself (seconds).
_TOGETHER = 3.0
_CERTIFICATE_WITHIN = 15.0  # seconds
#: Seconds until a gateway that was killed is started anew, and until that is tried again at the latest.
_AGAIN, _AT_LAST = 0.2, 30.0
_WEIGHED_EVERY = 60.0  # seconds; each change of weights is a new configuration

Change = Callable[[Sites], Sites]


class Gateway:
    """Serves names for all sessions of a location.

    Args:
        folder: for the gateway's certificates.
        tell: called with a user of whom something was published, or is no longer.
    """

    def __init__(
        self,
        engine: Engine,
        folder: Path,
        relay: Relay,
        tell: Callable[[str], None],
        web: Web,
    ) -> None:
        self._engine, self._caddy = engine, Caddy(engine, folder)
        self._doors = Doors(self._caddy, relay, web.bind)
        self._ways = Ways(engine, self._caddy, relay)
        self._tell, self._domains = tell, web.domains
        self._sites = Sites()
        self._containers: dict[str, Container] = {}
        self._weights: dict[str, int] = {}
        self._weighed = 0.0
        self._gone: set[str] = set()
        self._changing = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._guarding: asyncio.Task[None] | None = None

    def offer(self, user: str) -> m.EndpointsChanged:
        """What a user is told: the domains, and what is published of this user's."""
        sites = [self._state(site) for site in self._sites.of_user(user)]
        address = "" if self._doors.bind in ("0.0.0.0", "::") else self._doors.bind
        return m.EndpointsChanged(list(self._domains), sites, address)

    async def publish(
        self, peer: Peer, wish: m.Publish, containers: Iterable[Container]
    ) -> m.Published:
        """Serve running containers under a name; returns when they are served.

        Raises:
            UsageError, NotFound, Refused: as ``Sites.published``; or a certificate that does not fit.
            NotSupported, EngineFailed: there is no gateway to be had.
        """
        fqdn = checked_name(wish.fqdn, self._domains)
        await self._apply(
            lambda sites: sites.published(peer.user, peer.id, wish, self._domains), containers, fqdn
        )
        return m.Published(self._state(self._sites.by_name[fqdn]))

    async def change(
        self, peer: Peer, wish: m.ChangeCluster, containers: Iterable[Container]
    ) -> None:
        """Put other running containers behind a cluster. Raises as ``Sites.changed``."""
        change = lambda sites: sites.changed(peer.id, wish.cluster, wish.containers)  # noqa: E731
        await self._apply(change, containers)

    async def unpublish(self, peer: Peer, cluster: str) -> None:
        """Take a cluster off the web."""
        await self._apply(lambda sites: sites.unpublished(peer.id, cluster))

    async def authority(self) -> str:
        """The root certificate of the location's own authority, PEM."""
        async with self._changing:
            if not self._sites.by_name:
                await self._caddy.load(self._config(Sites()))
            try:
                return await self._caddy.authority()
            finally:
                if not self._sites.by_name:
                    await self._caddy.stop()

    def left(self, session: str) -> None:
        """A session is over, and all it published."""
        self._background(self._apply(lambda sites: sites.left(session)))

    def ended(self, container: str) -> None:
        """A container runs no longer."""
        if container not in self._containers:
            return
        if not self._gone:
            asyncio.get_running_loop().call_later(_TOGETHER, self._forget_ended)
        self._gone.add(container)

    def weigh(self, nodes: Iterable[NodeInfo]) -> None:
        """Nodes were sampled: a strong one's containers get more turns."""
        weights = {node.id: node.stats.cpu // 100 + 10 for node in nodes}
        now = asyncio.get_running_loop().time()
        if weights.keys() == self._weights.keys() and now - self._weighed < _WEIGHED_EVERY:
            return
        before, self._weights, self._weighed = self._weights, weights, now
        if len(weights) > 1 and weights != before and self._sites.by_name:
            self._background(self._apply(lambda sites: sites))

    async def close(self) -> None:
        """Close the doors and end Caddy."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._doors.close()
        self._ways.close()
        await self._caddy.stop()

    # -- changes -------------------------------------------------------------------------------------------------------

    async def _apply(
        self, change: Change, containers: Iterable[Container] = (), fqdn: str = ""
    ) -> None:
        """Make one change, to its end whatever becomes of who asked for it.

        Args:
            containers: those it brings in.
            fqdn: what must be served when this returns.
        """
        await asyncio.shield(self._background(self._make(change, containers, fqdn)))

    async def _make(self, change: Change, containers: Iterable[Container], fqdn: str) -> None:
        async with self._changing:
            before = self._sites
            after = change(before)
            if after == before and not fqdn:
                return
            self._containers |= {container.id: container for container in containers}
            try:
                await self._serve(after)
                if fqdn:
                    await self._served(after, fqdn)
            except BaseException:
                await self._serve(before)
                raise
            self._sites = after
            used = {key for cluster in after.clusters.values() for key in cluster.containers}
            self._containers = {k: c for k, c in self._containers.items() if k in used}
        for user in {cluster.user for s in (before, after) for cluster in s.clusters.values()}:
            self._tell(user)

    async def _serve(self, sites: Sites) -> None:
        await self._engine.publish(self._behind(sites))
        if not sites.by_name:
            self._doors.close()
            self._ways.close()
            await self._caddy.stop()
            return
        far = await self._far(sites)
        ways = self._wanted_ways(sites, far)
        self._ways.open(ways)
        async with self._doors.held():
            self._doors.open()
            await self._caddy.load(self._config(sites, far))
        self._ways.keep(ways)
        if self._guarding is None or self._guarding.done():
            self._guarding = self._background(self._guard())

    def _behind(self, sites: Sites) -> dict[str, Behind]:
        """For an engine with a way of its own for visitors."""
        clusters = {fqdn: sites.clusters[site.cluster] for fqdn, site in sites.by_name.items()}
        return {
            fqdn: Behind(tuple(filter(self._runs, cluster.containers)), cluster.port)
            for fqdn, cluster in clusters.items()
        }

    def _runs(self, key: str) -> bool:
        container = self._containers.get(key)
        return container is not None and bool(container.ip) and not container.over

    async def _far(self, sites: Sites) -> set[str]:
        """The containers behind names whose addresses are not reached from here."""
        used = {key for cluster in sites.clusters.values() for key in cluster.containers}
        running = list(filter(self._runs, used))
        reachable = await asyncio.gather(*map(self._ways.reachable, running))
        return {key for key, straight in zip(running, reachable, strict=True) if not straight}

    def _wanted_ways(self, sites: Sites, far: Set[str]) -> dict[str, Way]:
        """A way to each of these; behind it, the rest of its cluster."""
        found = {}
        for cluster in sites.clusters.values():
            running = list(filter(self._runs, cluster.containers))
            for number, key in enumerate(running):
                if key in far:
                    order = (*running[number:], *running[:number])
                    found[way(cluster, key)] = Way(order, cluster.port)
        return found

    def _config(self, sites: Sites, far: Set[str] = frozenset()) -> dict[str, Any]:
        upstreams = {
            key: Upstream("" if key in far else container.ip, self._weights.get(container.node, 1))
            for key, container in self._containers.items()
            if self._runs(key)
        }
        owner = f"tfnz location on {socket.gethostname()}"
        return config(sites, upstreams, self._doors.https, owner)

    async def _served(self, sites: Sites, fqdn: str) -> None:
        """Return once there is a certificate for a name.

        Raises:
            UsageError: the user's does not fit it.
            EngineFailed: there is none.
        """
        loop = asyncio.get_running_loop()
        give_up = loop.time() + _CERTIFICATE_WITHIN
        while (problem := await self._handshake(fqdn)) is not None:
            if isinstance(problem, ssl.SSLError) and sites.by_name[fqdn].tls == "given":
                raise UsageError(
                    f"the certificate is not for {fqdn}", hint="Give one whose names include it."
                )
            if loop.time() > give_up:
                raise EngineFailed(f"the web gateway has no certificate for {fqdn}: {problem}")
            await asyncio.sleep(0.02)

    async def _handshake(self, fqdn: str) -> OSError | None:
        """Why a visitor could not speak https with that name; None if one could. Whom to trust is the visitor's to say."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            sock = await self._caddy.connect(HTTPS, f"{_LOOPBACK}#{fqdn}")
            _, writer = await asyncio.open_unix_connection(
                sock=sock, ssl=context, server_hostname=fqdn
            )
        except OSError as problem:
            return problem
        writer.transport.abort()
        return None

    # -- what happens by itself ----------------------------------------------------------------------------------------

    def _forget_ended(self) -> None:
        gone, self._gone = self._gone, set()

        def change(sites: Sites) -> Sites:
            for container in gone:
                sites = sites.ended(container)
            return sites

        self._background(self._apply(change))

    async def _guard(self) -> None:
        """Start Caddy again where something killed it, ever more patiently where that does not help."""
        pause = _AGAIN
        while True:
            await self._caddy.ended()
            await asyncio.sleep(pause)
            async with self._changing:
                if not self._sites.by_name:
                    return
                try:
                    await self._serve(self._sites)
                    pause = _AGAIN
                except (TfnzError, OSError) as problem:
                    pause = min(2 * pause, _AT_LAST)
                    log.warning("the web gateway cannot be started again: %s", problem)

    def _state(self, site: Site) -> m.Site:
        http, https = self._doors.http, self._doors.https
        return m.Site(site.fqdn, site.cluster, http, https, site.tls != "both")

    def _background(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._over)
        return task

    def _over(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (problem := task.exception()) is not None:
            log.info("the web gateway: %s", problem)
