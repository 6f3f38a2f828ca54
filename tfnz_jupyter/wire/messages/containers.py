"""Containers: wishing for one, ending it, and what becomes of it."""

from __future__ import annotations

from typing import ClassVar

from .base import Asked, Said


class Spawn(Asked, frozen=True, tag="spawn"):
    """Boot a container. Result: ``Done`` at once; what becomes of it comes as ``ContainerChanged``.

    ``output`` and ``input`` are the stream ids the client gave its log and its standard input.
    """

    container: str
    name: str
    image: str
    output: int
    input: int
    node: str = ""
    command: list[str] | None = None
    env: list[tuple[str, str]] = []
    files: list[tuple[str, bytes]] = []
    cwd: str = ""
    memory: int | None = None
    cpus: float | None = None
    pids: int | None = None
    disk: int | None = None
    volumes: list[tuple[str, str]] = []  # id, where it is mounted
    lossless: bool = False
    egress: str | list[str] = "internet"
    asleep: bool = False
    terminal: tuple[int, int] | None = None  # columns, rows
    tag: str = ""


class Destroy(Asked, frozen=True, tag="destroy"):
    """End a container. Result: ``Done`` once nothing of it is left."""

    container: str
    grace: float = 1.0


class Start(Asked, frozen=True, tag="start"):
    """Run the command of a container that is asleep. Result: ``Done`` once it was executed."""

    container: str


class Reboot(Asked, frozen=True, tag="reboot"):
    """End a container's processes and run its command again. Result: ``Done`` once that was executed.

    ``input`` is a new stream for its standard input, in place of the one ``before``. ``reset``: what was written since its
    first boot is forgotten.
    """

    container: str
    before: int
    input: int
    reset: bool
    grace: float = 1.0


class FollowLog(Asked, frozen=True, tag="follow-log"):
    """Send a container's log on a stream, losing nothing. Result: ``Done``.

    From the first byte still held on, or from the last ``tail`` lines, or from what came ``since`` then (seconds since the
    epoch), whichever is later. The stream ends with the log; not ``onward``, with what has been printed by now.
    """

    container: str
    output: int
    tail: int | None = None
    since: float | None = None
    onward: bool = True


class ContainerChanged(Said, frozen=True, tag="container-changed"):
    """All that can change about one container, as it is now.

    ``state`` is preparing, booting, asleep, running, ended or failed. Times are seconds since the epoch. ``error`` is
    ``errors.to_wire`` of why it failed.
    """

    container: str
    state: str
    node: str = ""
    ip: str = ""
    image_source: str = ""
    step: str = ""
    text: str = ""
    done: int = 0
    total: int | None = None
    started_at: float | None = None
    ended_at: float | None = None
    code: int | None = None
    reason: str = ""
    error: tuple[str, str, str, str] | None = None
    from_client: ClassVar[bool] = False
