"""Names on the web that lead to containers."""

from __future__ import annotations

from typing import ClassVar, Literal

from .base import Answer, Asked, Said

#: How a name is served: on http and, by the location's own authority, on https; or on https alone, http being sent
#: there, by that authority or with a certificate of the user's.
Tls = Literal["both", "own", "given"]


class Publish(Asked, frozen=True, tag="publish"):
    """Serve a cluster under a name, as all of this says from now on. Result: ``Published``, once it is served.

    Of one cluster, what is not about the name (containers, port, rewrite, health) is the same under all its names.
    """

    cluster: str
    fqdn: str
    containers: list[str]
    port: int = 80
    rewrite: str = ""
    health: str = ""
    tls: Tls = "both"
    certificate: bytes = b""  # PEM: its own, then what signed it
    key: bytes = b""  # PEM


class ChangeCluster(Asked, frozen=True, tag="change-cluster"):
    """From now on, a published cluster is these containers. Result: ``Done``, once that is served."""

    cluster: str
    containers: list[str]


class Unpublish(Asked, frozen=True, tag="unpublish"):
    """Take a cluster off all its names; nothing happens if it has none. Result: ``Done``."""

    cluster: str


class AskAuthority(Asked, frozen=True, tag="ask-authority"):
    """The certificate of the location's own authority. Result: ``Authority``."""


class Site(Said, frozen=True, tag="site"):
    """A name that is served, and the ports it is served on; ``secure`` where http only leads to https."""

    fqdn: str
    cluster: str
    http: int
    https: int
    secure: bool = False
    from_client: ClassVar[bool] = False


class Published(Answer, frozen=True, tag="published"):
    """It is served."""

    site: Site


class Authority(Answer, frozen=True, tag="authority"):
    """A root certificate, PEM."""

    certificate: str


class EndpointsChanged(Said, frozen=True, tag="endpoints-changed"):
    """The domains there are to publish under, and all that this user has published, whatever the session.

    ``address`` is where the location serves them; empty where their names say it.
    """

    domains: list[str]
    sites: list[Site]
    address: str = ""
    from_client: ClassVar[bool] = False
