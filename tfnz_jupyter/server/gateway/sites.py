"""Which names are served, by whom, and what is behind them. Pure: every change gives a new whole, so none is half made.

A name belongs to the session that published it until that session ends. Whether somebody else's name is another session's
or another user's is not told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from ...errors import NotFound, Refused, UsageError
from ...wire.messages import Publish, Tls

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_LONGEST = 253
_HOST = re.compile(r"([A-Za-z0-9_.-]{1,253}|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?")
_PATH = re.compile(r"/[A-Za-z0-9/_.~!$&'()*+,;=:@%?-]*")


@dataclass(frozen=True, slots=True)
class Web:
    """What a location has to do with the web: the domains to publish under, and the address visitors come to.

    Every location has ``localhost``, which needs no set-up.

    Raises:
        UsageError: what cannot be a domain.
    """

    domains: tuple[str, ...] = ()
    bind: str = "127.0.0.1"

    def __post_init__(self) -> None:
        given = [_name(domain) for domain in self.domains]
        object.__setattr__(self, "domains", unique([*given, "localhost"]))


@dataclass(frozen=True, slots=True)
class Cluster:
    """Containers that do the same, of one session."""

    id: str
    user: str
    session: str
    containers: tuple[str, ...]
    port: int = 80
    rewrite: str = ""  # the Host they are sent; the visitor's where empty
    health: str = ""  # the path whose answer says that one is well; none is asked where empty


@dataclass(frozen=True, slots=True)
class Site:
    """A name and the cluster behind it."""

    fqdn: str
    cluster: str
    tls: Tls = "both"
    certificate: str = field(default="", repr=False)
    key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Sites:
    """All names, and all clusters that have one."""

    by_name: Mapping[str, Site] = field(default_factory=dict)
    clusters: Mapping[str, Cluster] = field(default_factory=dict)

    def published(self, user: str, session: str, wish: Publish, domains: tuple[str, ...]) -> Sites:
        """With a cluster under one more name, or under one it has, but as the wish says now.

        Raises:
            UsageError: what cannot be a name under one of the domains, a host or a path; another cluster of the session's.
            NotFound: the cluster is another session's.
            Refused: the name is somebody else's.
        """
        fqdn = checked_name(wish.fqdn, domains)
        _check(wish)
        self._require_free(fqdn, session, wish.cluster)
        if wish.cluster in self.clusters:
            self._own(session, wish.cluster)
        cluster = Cluster(
            wish.cluster,
            user,
            session,
            unique(wish.containers),
            wish.port,
            wish.rewrite,
            wish.health,
        )
        site = Site(fqdn, wish.cluster, wish.tls, _text(wish.certificate), _text(wish.key))
        return replace(
            self,
            by_name={**self.by_name, fqdn: site},
            clusters={**self.clusters, cluster.id: cluster},
        )

    def changed(self, session: str, cluster: str, containers: list[str]) -> Sites:
        """With other containers behind a cluster.

        Raises:
            NotFound: the session has published no such cluster.
        """
        return self._with(replace(self._own(session, cluster), containers=unique(containers)))

    def unpublished(self, session: str, cluster: str) -> Sites:
        """Without a cluster; the same where the session has published no such."""
        found = self.clusters.get(cluster)
        if found is None or found.session != session:
            return self
        return self._without(lambda one: one.id == cluster)

    def left(self, session: str) -> Sites:
        """Without all that a session published."""
        return self._without(lambda one: one.session == session)

    def ended(self, container: str) -> Sites:
        """Without a container; its clusters stay, be they empty."""
        sites = self
        for cluster in self.clusters.values():
            if container in cluster.containers:
                rest = tuple(c for c in cluster.containers if c != container)
                sites = sites._with(replace(cluster, containers=rest))
        return sites

    def of_user(self, user: str) -> list[Site]:
        """What a user has published, whatever the session, by name."""
        mine = (site for site in self.by_name.values() if self.clusters[site.cluster].user == user)
        return sorted(mine, key=lambda site: site.fqdn)

    def _require_free(self, fqdn: str, session: str, cluster: str) -> None:
        site = self.by_name.get(fqdn)
        if site is None or site.cluster == cluster:
            return
        if self.clusters[site.cluster].session == session:
            raise UsageError(
                f"{fqdn} is another cluster of this session", hint="Unpublish that one first."
            )
        raise Refused(f"{fqdn} is taken", hint="Publish under another name.")

    def _own(self, session: str, cluster: str) -> Cluster:
        found = self.clusters.get(cluster)
        if found is None or found.session != session:
            raise NotFound(f"no cluster {cluster}")
        return found

    def _with(self, cluster: Cluster) -> Sites:
        return replace(self, clusters={**self.clusters, cluster.id: cluster})

    def _without(self, unwanted: Callable[[Cluster], bool]) -> Sites:
        clusters = {key: one for key, one in self.clusters.items() if not unwanted(one)}
        by_name = {fqdn: s for fqdn, s in self.by_name.items() if s.cluster in clusters}
        return replace(self, by_name=by_name, clusters=clusters)


def checked_name(fqdn: str, domains: tuple[str, ...]) -> str:
    """A name in lower case.

    Raises:
        UsageError: it cannot be the name of a host, or is under none of ``domains``, label by label.
    """
    name = _name(fqdn)
    if not any(name == domain or name.endswith(f".{domain}") for domain in domains):
        offered = ", ".join(domains) or "none"
        raise UsageError(f"no domain for {fqdn}", hint=f"This location offers: {offered}.")
    return name


def _name(fqdn: str) -> str:
    name = fqdn.lower()
    if len(name) > _LONGEST or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise UsageError(f"{fqdn!r} cannot be the name of a host")
    return name


def _check(wish: Publish) -> None:
    """Nothing that the gateway would take for more than a word: braces are its variables."""
    if not 1 <= wish.port <= 65_535:
        raise UsageError(f"{wish.port} is not a port")
    if wish.rewrite and not _HOST.fullmatch(wish.rewrite):
        raise UsageError(f"rewrite: {wish.rewrite!r} cannot be a Host header")
    if wish.health and not _PATH.fullmatch(wish.health):
        raise UsageError(f"health: {wish.health!r} is not the path of a request")
    if (wish.tls == "given") != bool(wish.certificate and wish.key):
        raise UsageError("a certificate of one's own takes a certificate and a key")


def unique(words: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))


def _text(pem: bytes) -> str:
    try:
        return pem.decode("ascii")
    except UnicodeDecodeError:
        raise UsageError("a certificate and its key are PEM, which is plain text") from None
