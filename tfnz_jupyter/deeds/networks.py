"""How containers are reached, as a line asks for it: each other, through SSH, under published names."""

from __future__ import annotations

from ..errors import UsageError
from ..grammar import Publish
from ..sdk.container import Container
from ..sdk.endpoint import Cluster
from ..sdk.location import Location

_HTTP = 80


def allow(server: Container, client: Container) -> str:
    """Let a client connect to a server; what was done, in words."""
    server.allow_connection_from(client)
    return f"{client.name} may connect to {server.name}, at {server.ip}."


def deny(server: Container, client: Container) -> str:
    """Take that back; what was done, in words."""
    server.disallow_connection_from(client)
    return f"{client.name} may not connect to {server.name}."


def ssh(container: Container, port: int | None) -> str:
    """Open an SSH server for a container; the line that logs in."""
    return container.create_ssh_server(port or 0).command


def publish(location: Location, containers: list[Container], wish: Publish) -> str:
    """Serve a name from containers, or from these instead of others; its address.

    Raises:
        UsageError: the backends name different ports.
    """
    port = _port(wish)
    endpoint = location.endpoint_for(wish.fqdn)
    cluster = endpoint.cluster(wish.fqdn)
    if cluster is None or cluster.port != port:
        if cluster is not None:
            endpoint.unpublish(cluster)
        cluster = Cluster(containers=containers, rewrite=wish.rewrite, port=port)
    else:
        _exchange(cluster, containers, wish)
    endpoint.publish(cluster, wish.fqdn, ssl=None if wish.ssl is None else wish.ssl or True)
    return endpoint.url(wish.fqdn)


def unpublish(location: Location, fqdn: str) -> str:
    """Serve a name no more; what was done, in words.

    Raises:
        UsageError: this session has not published it.
    """
    endpoint = location.endpoint_for(fqdn)
    cluster = endpoint.cluster(fqdn)
    if cluster is None:
        names = ", ".join(endpoint.names) or "nothing"
        raise UsageError(f"this session has not published {fqdn}", hint=f"Published: {names}.")
    endpoint.unpublish(cluster)
    return f"{fqdn} is published no more."


def _exchange(cluster: Cluster, containers: list[Container], wish: Publish) -> None:
    """New ones come in before old ones go: at no moment is there nobody."""
    wanted = {container.uuid for container in containers}
    for container in containers:
        cluster.add_container(container)
    for uuid, container in list(cluster.containers.items()):
        if uuid not in wanted:
            cluster.remove_container(container)
    cluster.rewrite = wish.rewrite


def _port(wish: Publish) -> int:
    ports = {backend.port for backend in wish.backends if backend.port is not None}
    if len(ports) > 1:
        raise UsageError(
            f"{wish.fqdn}: the containers behind one name serve one port, not {sorted(ports)}"
        )
    return ports.pop() if ports else _HTTP
