"""Clusters of containers, and the names on the web they are published under."""

from __future__ import annotations

import asyncio
import logging
import ssl as tls
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ..blocking import BoundVerb, verb
from ..errors import TfnzError, UsageError
from ..wire import messages as m
from . import asking
from .deadline import within
from .handle import Handle, new_id

if TYPE_CHECKING:
    from .connection import Connection
    from .container import Container

log = logging.getLogger(__name__)

_HTTP, _HTTPS = 80, 443
_PAUSE = 0.05
#: One GET may take this long before it is tried anew, the next twice as long (seconds).
_FIRST_TRY = 5.0
_SILENT = -1

#: Every endpoint of this process: a name is looked for in them before the rest of the world.
_known: weakref.WeakSet[WebEndpoint] = weakref.WeakSet()


class Cluster(Handle):
    """Containers that do the same, taking turns under one name.

    One that ends leaves by itself. A request that a container does not take is sent on to the next.

    Args:
        containers: of any nodes of one location.
        rewrite: the ``Host`` header they are sent, where it shall not be the visitor's.
        port: the one they serve http on.
        health: a path of theirs that answers 2xx or 3xx while they are well; who does not gets no visitors. Without it, a
            container is well as long as it accepts connections.
    """

    def __init__(
        self,
        *,
        containers: Iterable[Container] | None = None,
        rewrite: str | None = None,
        port: int = _HTTP,
        health: str | None = None,
    ) -> None:
        super().__init__(new_id())
        self.rewrite = rewrite
        self.port = asking.port(port, "port")
        self.health = health
        self._members: dict[str, Container] = {c.uuid: c for c in containers or ()}
        self._connection: Connection | None = None  # while it is published

    @property
    def containers(self) -> dict[str, Container]:
        """Those in it that are not over, by id."""
        return {key: c for key, c in self._members.items() if not c.dead}

    def uuids(self) -> list[str]:
        """The ids of those in it that are not over."""
        return list(self.containers)

    @property
    def published(self) -> bool:
        """Whether it is under any name."""
        return self._connection is not None

    @verb
    async def add_container(self, container: Container) -> None:
        """Add one, once it runs; nothing happens if it is in.

        Raises:
            ContainerEnded: it is over.
        """
        await container.wait_until_ready.aio()
        await self._change({**self._members, container.uuid: container})

    @verb
    async def remove_container(self, container: Container) -> None:
        """Take one out; nothing happens if it is not in. It lives on, and finishes the requests it has."""
        await self._change({k: c for k, c in self._members.items() if c is not container})

    async def _change(self, members: dict[str, Container]) -> None:
        before, self._members = self._members, members
        if self._connection is not None and before.keys() != members.keys():
            try:
                await self._connection.call(m.ChangeCluster(self.uuid, self.uuids()))
            except BaseException:
                self._members = before
                raise
        self._changed()

    def __repr__(self) -> str:
        state = "published" if self.published else "not published"
        return f"<Cluster of {len(self.containers)} containers, port {self.port}, {state}>"


async def wait_http_200(
    fqdn: str, *, ssl: bool = False, path: str = "", timeout: float | None = 60
) -> None:
    """Wait until a GET of that name answers 200, as a visitor on this machine would see it.

    Raises:
        TimedOut: not within ``timeout`` seconds.
    """
    asking.timeout(timeout)
    url = f"{'https' if ssl else 'http'}://{fqdn}/{path.lstrip('/')}"
    patience = _FIRST_TRY
    async with within(timeout, f"{url} answers no 200"):
        while (status := await _status(fqdn, path, ssl, patience)) != 200:
            patience *= 2 if status == _SILENT else 1
            await asyncio.sleep(_PAUSE)


class WebEndpoint(Handle):
    """A domain that clusters can be published under: one of ``Location.endpoints``."""

    #: Of the class as of each object: the name says where to look.
    wait_http_200 = BoundVerb(wait_http_200)

    def __init__(self, domain: str, connection: Connection) -> None:
        super().__init__(new_id())
        self.domain = domain
        self.clusters: dict[str, Cluster] = {}  # this session's that are published here, by id
        self._connection = connection
        self._address = ""
        self._sites: dict[str, m.Site] = {}
        self._wishes: dict[str, m.Publish] = {}  # what this session has published, by name
        _known.add(self)

    @property
    def names(self) -> list[str]:
        """All that this user has published here, whatever the session."""
        return sorted(self._sites)

    def cluster(self, fqdn: str) -> Cluster | None:
        """This session's cluster that is published under a name, if there is one."""
        site = self._sites.get(fqdn.lower())
        return None if site is None else self.clusters.get(site.cluster)

    def covers(self, fqdn: str) -> bool:
        """Whether a name is the domain's, or under it."""
        return fqdn.lower() == self.domain or fqdn.lower().endswith(f".{self.domain}")

    def url(self, fqdn: str, *, ssl: bool | None = None) -> str:
        """As a browser would open a published name: https where it was published so, or where ``ssl`` says so.

        Raises:
            UsageError: nothing of this user's is published under it.
        """
        site = self._sites.get(fqdn.lower())
        if site is None:
            offered = ", ".join(self.names) or "nothing"
            raise UsageError(f"{fqdn} is not published", hint=f"Published: {offered}.")
        secure = site.secure if ssl is None else ssl
        scheme, port, usual = (
            ("https", site.https, _HTTPS) if secure else ("http", site.http, _HTTP)
        )
        return f"{scheme}://{site.fqdn}{'' if port == usual else f':{port}'}/"

    @verb
    async def publish(
        self, cluster: Cluster, fqdn: str, *, ssl: bool | tuple[str, ...] | None = None
    ) -> str:
        """Serve a cluster under a name, once all its containers run; returns the cluster's id.

        Once more for the same cluster and name, it is served as both are now. Under several names a cluster is the same
        everywhere.

        Args:
            fqdn: the domain or a name under it.
            ssl: without it, http and https are both served, https with a certificate of the location's own authority. True:
                https alone, to which http leads. Paths of a certificate and its key, or of these and an intermediate
                certificate (PEM): the same, with that.

        Raises:
            UsageError: the name is not the domain's, or another cluster of this session's; a certificate does not fit.
            Refused: the name is somebody else's.
            FileNotFoundError: there is no such certificate.
        """
        if not self.covers(fqdn):
            raise UsageError(f"{fqdn} is not under {self.domain}")
        certificate, key = _pem(ssl)
        kind: m.Tls = "given" if key else "own" if ssl else "both"
        for container in list(cluster.containers.values()):
            await container.wait_until_ready.aio()
        wish = m.Publish(
            cluster.uuid,
            fqdn,
            cluster.uuids(),
            cluster.port,
            cluster.rewrite or "",
            cluster.health or "",
            kind,
            certificate,
            key,
        )
        try:
            published = await self._connection.call(wish)
        except asyncio.CancelledError:
            if not cluster.published:
                self._connection.post(m.Unpublish(cluster.uuid))  # it may have been done already
            raise
        assert isinstance(published, m.Published)
        self._sites[published.site.fqdn] = published.site
        self._wishes[published.site.fqdn] = wish
        cluster._connection = self._connection
        self.clusters[cluster.uuid] = cluster
        self._changed()
        return cluster.uuid

    @verb
    async def unpublish(self, cluster: Cluster) -> None:
        """Take a cluster off all its names; nothing happens if it has none. It may be published again."""
        if self.clusters.pop(cluster.uuid, None) is None:
            return
        await self._connection.call(m.Unpublish(cluster.uuid))
        self._forget(cluster)

    async def _reopen(self) -> None:
        """Publish anew at a location that was killed and started anew."""
        for wish in list(self._wishes.values()):
            cluster = self.clusters.get(wish.cluster)
            if cluster is not None:
                try:
                    now = msgspec.structs.replace(wish, containers=cluster.uuids())
                    await self._connection.call(now)
                except TfnzError as problem:
                    log.warning("%s is no longer published: %s", wish.fqdn, problem.message)
                    self.clusters.pop(cluster.uuid, None)
                    self._forget(cluster)

    def _forget(self, cluster: Cluster) -> None:
        cluster._connection = None
        self._wishes = {k: w for k, w in self._wishes.items() if w.cluster != cluster.uuid}
        self._sites = {k: site for k, site in self._sites.items() if site.cluster != cluster.uuid}
        self._changed()

    def _offered(self, sites: list[m.Site], address: str) -> None:
        """The location says what is published, and where."""
        self._sites = {site.fqdn: site for site in sites}
        self._address = address
        self._changed()

    def _session_ended(self) -> None:
        for cluster in list(self.clusters.values()):
            self._forget(cluster)
        self.clusters.clear()
        self._sites.clear()
        self._changed()

    def __repr__(self) -> str:
        return f"<WebEndpoint {self.domain}: {', '.join(self.names) or 'nothing published'}>"


def _door(fqdn: str, ssl: bool) -> tuple[str, int]:
    """Where a name is served."""
    for endpoint in list(_known):
        if (site := endpoint._sites.get(fqdn.lower())) is not None:
            return endpoint._address or fqdn, site.https if ssl else site.http
    return fqdn, _HTTPS if ssl else _HTTP


async def _status(fqdn: str, path: str, ssl: bool, patience: float) -> int:
    """The status a GET answers with; 0 where there is none, ``_SILENT`` where none came in time."""
    try:
        async with asyncio.timeout(patience):
            return await _get(fqdn, path, ssl)
    except TimeoutError:
        return _SILENT
    except OSError:
        return 0


async def _get(fqdn: str, path: str, ssl: bool) -> int:
    """The status of one GET. It is not asked here whom to trust, but whether it serves."""
    host, port = _door(fqdn, ssl)
    context = None
    if ssl:
        context = tls.create_default_context()
        context.check_hostname, context.verify_mode = False, tls.CERT_NONE
    reader, writer = await asyncio.open_connection(
        host, port, ssl=context, server_hostname=fqdn if ssl else None
    )
    try:
        request = f"GET /{path.lstrip('/')} HTTP/1.1\r\nHost: {fqdn}\r\nConnection: close\r\n\r\n"
        writer.write(request.encode())
        words = (await reader.readline()).split(None, 2)
        return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
    finally:
        writer.transport.abort()


def _pem(ssl: bool | tuple[str, ...] | None) -> tuple[bytes, bytes]:
    """Certificate (with what signed it) and key; empty where none are given.

    Raises:
        UsageError: another number of files.
        FileNotFoundError: one is not there.
    """
    if ssl is None or isinstance(ssl, bool):
        return b"", b""
    if isinstance(ssl, str | bytes) or len(ssl) not in (2, 3):
        raise UsageError(
            f"ssl: {ssl!r} is neither a certificate and a key nor these and an intermediate",
            hint="Give the names of two or three PEM files, or True.",
        )
    certificate, key, *intermediate = (Path(name).read_bytes() for name in ssl)
    return b"\n".join([certificate, *intermediate]), key
