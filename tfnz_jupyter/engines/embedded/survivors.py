"""Taking over, from a keeper, the containers of a location that was killed."""

from __future__ import annotations

import os
from collections.abc import Mapping

from ..base import Booted, ContainerSpec, Survivor
from . import exits, messages
from .bundle import Machine
from .container import Container
from .disk import Disk
from .link import Link
from .running import PipedRunning
from .running import running as running_of


class Survivors:
    """Puts what a keeper recalls among an engine's containers.

    Args:
        link: to that keeper.
        containers: the engine's, by id.
        known: what those that are wanted were made from.
        disk: what they write to.
        machine: what they run on.
    """

    def __init__(
        self, link: Link, containers: dict[str, Container], known: Mapping[str, ContainerSpec],
        disk: Disk, machine: Machine,
    ) -> None:  # fmt: skip
        self._link, self._containers, self._known = link, containers, known
        self._disk, self._machine = disk, machine
        self._first: dict[str, PipedRunning] = {}
        self._others: dict[str, dict[str, PipedRunning]] = {}
        self.strangers: set[str] = set()  # that nobody wants

    def take(self, news: messages.KeptCell | messages.KeptProcess, fds: list[int]) -> None:
        """Take descriptors of what is wanted, and close the others."""
        name = news.id if isinstance(news, messages.KeptCell) else news.container
        if name not in self._known:
            self.strangers.add(name)
            for fd in fds:
                os.close(fd)
        elif isinstance(news, messages.KeptCell):
            self._container(name).recalled(news.ip, fds, asleep=news.asleep)
        else:
            self._process(self._container(name), news, fds)

    def result(self, node: str) -> dict[str, Survivor]:
        """What the server gets; a container whose first process is unknown did not survive."""
        return {
            name: Survivor(
                Booted(node, self._containers[name].ip, running), dict(self._others.get(name, {}))
            )
            for name, running in self._first.items()
        }

    def _container(self, name: str) -> Container:
        if name not in self._containers:
            spec = self._known[name]
            self._containers[name] = Container(spec, self._disk, self._machine)
            self._containers[name].settled.set()
        return self._containers[name]

    def _process(self, container: Container, news: messages.KeptProcess, fds: list[int]) -> None:
        running = running_of(news.id, fds, self._link.tell)
        container.running[news.id] = running
        if news.id == news.container:
            self._first[news.id] = running
        else:
            self._others.setdefault(news.container, {})[news.id] = running
        if news.status is not None:
            container.exited(news.id, exits.from_status(news.status, news.out_of_memory))
