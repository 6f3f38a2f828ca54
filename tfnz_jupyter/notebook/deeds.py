"""What the verbs of ``%tf`` do, by the public SDK: no shell, no display."""

from __future__ import annotations

import builtins
import keyword
import os
import re
import shlex
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import CommandFailed, NotFound, Refused, TfnzError, TimedOut, UsageError
from ..grammar import Port, Spawn, Wait, nearest
from ..sdk.container import Container
from ..sdk.location import Location
from ..sdk.node import Node
from .follow import follow

_LAST = 5  # lines of a failed command that its error repeats
_PATIENCE = 1.0  # seconds an interrupted command has to end by itself


class Interrupted(KeyboardInterrupt):
    """The user interrupted a verb; shown as one line."""

    def _render_traceback_(self) -> list[str]:
        return [f"KeyboardInterrupt: {self}"]


Interrupted.__name__ = Interrupted.__qualname__ = "KeyboardInterrupt"


# -- spawn ---------------------------------------------------------------------------------------------------------


def spawn(location: Location, wish: Spawn) -> Container:
    """The container a line asked for, at once."""
    node = _node(location, wish.node) if wish.node else location.node()
    for port in wish.ports:
        _check_free(port)
    return node.spawn_container(
        wish.image,
        env=_environment(wish),
        pre_boot_files=[(dest, _contents(source)) for source, dest in wish.files],
        command=list(wish.command) or None,
        name=wish.name,
        memory=wish.memory,
        cpus=wish.cpus,
        workdir=wish.workdir,
    )


def replaced(location: Location, name: str | None) -> Container | None:
    """Destroy the live container of that name and return it, if there is one."""
    for container in list(location.containers.values()):
        if container.name == name and not container.dead:
            container.destroy()
            return container
    return None


def open_tunnels(
    container: Container, ports: tuple[Port, ...], failed: Callable[[str], None]
) -> None:
    """Attach the tunnels once the container runs, without anybody waiting; ``failed`` is told why one cannot be."""

    def attach() -> None:
        for port in ports:
            try:
                container.attach_tunnel(port.dest, localport=port.local)
            except TfnzError as error:
                if not container.dead:
                    failed(f"The tunnel to port {port.dest} could not be made: {error}")

    if ports:
        threading.Thread(target=attach, name="tfnz-tunnels", daemon=True).start()


def _node(location: Location, key: str) -> Node:
    for node in location.nodes.values():
        if key in (node.name, node.uuid):
            return node
    names = [node.name for node in location.nodes.values()]
    near = nearest(key, names) or ", ".join(names)
    raise NotFound(f"no node {key!r}", hint=f"There is: {near}")


def _environment(wish: Spawn) -> dict[str, str]:
    found = {}
    for name, value in wish.env:
        if value is None and name not in os.environ:
            raise UsageError(f"-e {name}: it has no value here", hint=f"Give one: -e {name}=...")
        found[name] = os.environ[name] if value is None else value
    return found


def _contents(source: str) -> bytes:
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


# -- the rest ------------------------------------------------------------------------------------------------------


def execute(container: Container, command: tuple[str, ...]) -> None:
    """Run a command, its output printed here as it comes.

    Raises:
        CommandFailed: it returned non-zero.
        Interrupted: the user did; the command was ended.
    """
    process = container.spawn_process(list(command))
    try:
        process.stdin_eof()
        follow(process.log)
        code = process.wait_exit()
    except KeyboardInterrupt:
        _end(process)
        raise Interrupted(f"{shlex.join(command)} was ended") from None
    if code != 0:
        how = (
            f"returned {code}" if code is not None else f"ended, nobody knows how: {process.reason}"
        )
        last = process.log.text(_LAST).decode("utf-8", "replace")
        raise CommandFailed(f"{shlex.join(command)} {how}", detail=last)


def _end(process: Any) -> None:
    process.kill(signal.SIGTERM)
    try:
        process.wait_exit(_PATIENCE)
    except TimedOut:
        process.kill(signal.SIGKILL)
