"""Spawning as a line asks for it."""

from __future__ import annotations

import builtins
import keyword
import re
import socket
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import NotFound, Refused, TfnzError
from ..grammar import Backend, Port, Publish, Spawn, Wait, nearest
from ..sdk.container import Container
from ..sdk.location import Location
from ..sdk.node import Node
from .environment import filled
from .networks import publish, ssh


def spawn(location: Location, wish: Spawn, **more: Any) -> Container:
    """The container a line asked for, at once; ``more`` as ``Node.spawn_container`` takes it: callbacks, a terminal."""
    node = _node(location, wish.node) if wish.node else location.node()
    for port in wish.ports:
        _check_free(port)
    return node.spawn_container(
        wish.image,
        env=filled(wish.env, "-e"),
        pre_boot_files=[(dest, _contents(source, wish.body)) for source, dest in wish.files],
        command=list(wish.command) or None,
        name=wish.name,
        memory=wish.memory,
        cpus=wish.cpus,
        pids=wish.pids,
        disk=wish.disk,
        volumes=[(location.ensure_volume(name), path) for name, path in wish.volumes],
        workdir=wish.workdir,
        tag=wish.tag,
        sleep=wish.sleep,
        egress=wish.egress or "internet",
        **more,
    )


def replaced(location: Location, name: str | None) -> Container | None:
    """Destroy the live container of that name and return it, if there is one."""
    for container in list(location.containers.values()):
        if container.name == name and not container.dead:
            container.destroy()
            return container
    return None


def open_ways(
    container: Container,
    wish: Spawn,
    failed: Callable[[str], None],
    opened: Callable[[str], None] = lambda address: None,
) -> None:
    """Open tunnels, an SSH server, published names once the container runs, without anybody waiting.

    Args:
        failed: told why one could not be.
        opened: told the address of each that is there.
    """
    location = container.location()
    ways: list[tuple[str, Callable[[], str]]] = [
        (f"the tunnel to port {port.dest}", partial(_tunnel, container, port))
        for port in wish.ports
    ]
    if wish.ssh is not None:
        ways.append(("the SSH server", partial(ssh, container, wish.ssh)))
    for fqdn, port in wish.published:
        behind = Publish(fqdn, (Backend(container.name, port),))
        ways.append((f"the name {fqdn}", partial(publish, location, [container], behind)))

    def open_all() -> None:
        for what, open_one in ways:
            try:
                opened(open_one())
            except TfnzError as error:
                if not container.dead:
                    failed(f"{what[:1].upper()}{what[1:]} could not be made: {error}")

    if ways:
        threading.Thread(target=open_all, name="tfnz-ways", daemon=True).start()


def _tunnel(container: Container, port: Port) -> str:
    return container.attach_tunnel(port.dest, localport=port.local).url


def _node(location: Location, key: str) -> Node:
    for node in location.nodes.values():
        if key in (node.name, node.uuid):
            return node
    names = [node.name for node in location.nodes.values()]
    near = nearest(key, names) or ", ".join(names)
    raise NotFound(f"no node {key!r}", hint=f"There is: {near}")


def _contents(source: str, body: str) -> bytes:
    if source == "-":
        return body.encode()
    try:
        return Path(source).expanduser().read_bytes()
    except OSError as error:
        raise NotFound(f"-f {source}: {(error.strerror or str(error)).lower()}") from None


def _check_free(port: Port) -> None:
    """A local port that is taken is told at once, not when the container has booted."""
    if port.local is None:
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port.local))
        except OSError as error:
            hint = f"-p {port.dest} takes a free one."
            why = (error.strerror or str(error)).lower()
            raise Refused(f"local port {port.local}: {why}", hint=hint) from None


def wait_for(container: Container, wait: Wait) -> None:
    """Hold until the condition is met."""
    match wait.kind:
        case "ready":
            container.wait_until_ready()
        case "tcp":
            container.wait_tcp(wait.port)
        case "http":
            container.wait_http_200(dest_port=wait.port, path=wait.path)
        case _:
            container.wait_log(wait.pattern.encode())


def variable(name: str) -> str | None:
    """The Python name a container's name can have, or None if that would hide something of Python's."""
    word = re.sub(r"\W", "_", name)
    if not word.isidentifier() or keyword.iskeyword(word) or hasattr(builtins, word):
        return None
    return word
