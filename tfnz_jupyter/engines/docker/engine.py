"""The Docker engine: deeds of the location, spread over hosts."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from ...errors import ContainerEnded, EngineFailed, NotSupported, UsageError
from .. import beside, places
from .. import options as told
from ..background import Background
from ..base import (
    Booted,
    ContainerSpec,
    Engine,
    ImageInfo,
    Layer,
    NodeInfo,
    ProcessSpec,
    Report,
    Running,
    Survivor,
    Usage,
)
from ..building import Workshop
from ..dialling import dial
from ..embedded.files import EmbeddedFiles, Opened
from ..files import Files
from ..options import Options
from ..threads import Threads, to_the_end
from ..watcher import LINGER, Watched
from . import statistics
from .containers import Container
from .hosts import BROKEN, Host, identity
from .images import Images
from .keeping import Keeping
from .running import DockerRunning, from_code
from .statistics import Gauge
from .volumes import DockerVolumes
from .ways import Address, usual
from .workshop import DockerWorkshop, has_children, require_at_hand

_log = logging.getLogger(__name__)

_OPTIONS = ("host", "certs", "allow_host_rules")
_EVERY = 1.0  # seconds between samples


class DockerEngine(Engine):
    """See :class:`~tfnz_jupyter.engines.base.Engine`."""

    name: ClassVar[str] = "docker"

    def __init__(
        self, state: Path, runtime: Path, options: Options,
        *, watched: bool = True, linger: float = LINGER,
    ) -> None:  # fmt: skip
        told.known(options, self.name, _OPTIONS)
        certs = told.one(options, "certs")
        helps = told.switch(options, "allow_host_rules")
        urls = options.get("host") or (usual(),)
        self.degraded: list[str] = []
        state.mkdir(parents=True, exist_ok=True)
        self._location = identity(state / "identity")
        self._hosts: dict[str, Host] = {}  # by name: those that are there
        self._keeping = [
            Keeping(Host(Address(url, certs), self._location, state, runtime, helps=helps), self)
            for url in urls
        ]
        self._containers: dict[str, Container] = {}
        self._images = Images(self._hosts.values())
        self.volumes: DockerVolumes = DockerVolumes(
            self._location, self._hosts.values(), self._roomiest
        )
        self._threads = Threads(4, "docker-files")
        self._on_nodes: Callable[[tuple[NodeInfo, ...]], None] = lambda _nodes: None
        self._gauges: dict[str, Gauge] = {}
        self._nodes: tuple[NodeInfo, ...] = ()
        self._background = Background()
        self._opened: dict[str, Opened] = {}
        self._watched = Watched(state, runtime, linger, options) if watched else None

    # -- hosts

    async def open(
        self,
        on_nodes: Callable[[tuple[NodeInfo, ...]], None],
        known: Mapping[str, ContainerSpec] | None = None,
    ) -> dict[str, Survivor]:
        self._on_nodes = on_nodes
        if self._watched is not None:
            await self._watched.begin()
        problems = [await self._connected(one) for one in self._keeping]
        there = [one for one, why in zip(self._keeping, problems, strict=True) if why is None]
        opening = (one.open(known or {}) for one in there)
        problems += await asyncio.gather(*opening, return_exceptions=True)
        failed = [one for one in problems if one is not None]
        if len(failed) == len(self._keeping):
            await self.close()
            raise failed[0]
        self.degraded += [str(problem) for problem in failed]
        for one in there:  # in the order in which they were named
            if one.host.name in self._hosts:
                self._hosts[one.host.name] = self._hosts.pop(one.host.name)
        for one in self._keeping:
            self._background.begin(one.keep())
        await self._sample()
        self._background.begin(self._sampling())
        return {name: one.survivor() for name, one in self._containers.items()}

    async def _connected(self, one: Keeping) -> BaseException | None:
        """Why a host is not there; None where it is. One after the other: those named first are called first."""
        try:
            await one.connect()
        except EngineFailed as problem:
            return problem
        return None

    def arrived(self, host: Host, told: Sequence[str]) -> None:
        """A host is there, for the first time or again."""
        self._hosts[host.name] = host
        self._gauges[host.name] = Gauge(host)
        self.degraded += [sentence for sentence in told if sentence not in self.degraded]
        _log.info("node %s at %s", host.name, host.address.url)

    def free_name(self, name: str) -> str:
        """A host's name that no other has."""
        taken = {one.host.name for one in self._keeping}
        numbers = iter(range(2, len(taken) + 3))
        found = name
        while found in taken:
            found = f"{name}-{next(numbers)}"
        return found

    def took_over(self, container: Container) -> None:
        """A container that a dead location left is this one's."""
        self._containers[container.spec.id] = container

    def departed(self, host: Host) -> None:
        """A host is lost, and all that ran on it."""
        self._hosts.pop(host.name, None)
        why = f"unknown: its node {host.name} was lost"
        for container in self._on(host):
            container.lost(why)
            self._containers.pop(container.spec.id, None)
        self._tell()

    def ended(self, kind: str, key: str, attributes: dict[str, str]) -> None:
        """News of a host."""
        found = next((c for c in self._containers.values() if c.id == key), None)
        if found is None:
            return
        code = int(attributes.get("exitCode") or attributes.get("containerExitCode") or 0)
        if kind == "exec_die" and "execID" not in attributes:
            self._background.begin(found.look_around())
        elif kind == "exec_die":
            found.process_died(attributes.get("execID", ""), from_code(code))
        else:
            self._background.begin(self._died(found, code))

    async def _died(self, container: Container, code: int) -> None:
        """It has, by the news; it may have been out of memory, or have rebooted since."""
        try:
            await container.resync()
        except BROKEN:
            container.died(from_code(code))
        self._bury(container)

    def _bury(self, container: Container) -> None:
        """Remove one that has ended by itself; nothing otherwise."""
        if container.over and not container.unwanted:
            self._background.begin(self._retire(container))

    async def resync(self, host: Host) -> None:
        """Ask what has become of everything there, where news may have been missed."""
        await asyncio.gather(*(one.resync() for one in self._on(host) if one.id))

    def _on(self, host: Host) -> list[Container]:
        return [one for one in self._containers.values() if one.host is host]

    def _roomiest(self) -> Host:
        """The host with most to spare."""
        if not self._hosts:
            raise EngineFailed("no host of this location answers")
        best = max(self._nodes, key=lambda node: node.stats.score, default=None)
        return self._hosts.get(best.name if best else "") or next(iter(self._hosts.values()))

    async def abandon(self) -> None:
        """Let go of everything, and leave it as it is, as one that is killed does."""
        await self._background.cancel()
        for one in self._keeping:
            await one.abandon()
        self._threads.close()
        if self._watched is not None:
            self._watched.let_go()

    async def close(self) -> None:
        names = list(self._containers)
        await asyncio.gather(*(self.destroy(name, 0) for name in names), return_exceptions=True)
        for one in self._keeping:
            await one.clear()
        self._hosts.clear()
        if self._watched is not None:
            await self._watched.end()
        await self.abandon()

    # -- samples

    async def _sampling(self) -> None:
        while True:
            await asyncio.sleep(_EVERY)
            await self._sample()

    async def _sample(self) -> None:
        found = []
        for host in list(self._hosts.values()):
            mine = [one for one in self._on(host) if not one.over]
            used = {} if host.is_near else await statistics.used(mine)
            found.append(self._gauges[host.name].node(len(mine), used))
        self._nodes = tuple(found)
        self._tell()

    def _tell(self) -> None:
        self._nodes = tuple(node for node in self._nodes if node.id in self._hosts)
        self._on_nodes(self._nodes)

    async def usage(self, containers: Sequence[str]) -> dict[str, Usage]:
        present = [self._containers[name] for name in containers if name in self._containers]
        return await statistics.used([one for one in present if not one.over])

    # -- images

    async def image(self, reference: str) -> ImageInfo | None:
        return await self._images.find(reference)

    async def install(self, image: ImageInfo, blobs: Path, report: Report) -> None:
        await self._images.install(image, blobs, report)

    async def uninstall(self, layers: Sequence[Layer], image: ImageInfo | None) -> None:
        await self._images.remove(layers)

    async def export(self, image: ImageInfo, file: Path, report: Report) -> None:
        await self._images.export(image, file, report)

    def workshop(self, node: str) -> Workshop:
        host = self._hosts.get(node)
        if host is None:
            raise self._no_node(node)
        require_at_hand(host)
        return DockerWorkshop(host, self._images, self._live, self._root, self._still)

    async def _still(self, container: str) -> None:
        """End all that was left running in a sleeper."""
        if has_children(self._live(container).pid):
            await self.reboot(container, 0, reset=False)

    # -- containers

    def _no_node(self, name: str) -> UsageError:
        return UsageError(f"no node {name!r}", hint=f"There are: {', '.join(self._hosts)}.")

    async def boot(self, spec: ContainerSpec, node: str) -> Booted:
        host = self._hosts.get(node)
        if host is None:
            raise self._no_node(node)
        if spec.id in self._containers:
            raise UsageError(f"container {spec.id} is there already")
        if spec.limits.disk is not None:
            raise NotSupported("disk=: Docker's storage does not limit what a container writes")
        _check_places(spec)
        container = self._containers[spec.id] = Container(spec, host, host.network.take())
        task = self._background.begin(self._boot(container))
        try:
            running = await asyncio.shield(task)
        except asyncio.CancelledError:
            container.give_up()
            await self._retired_after(task, container)
            raise
        return Booted(host.name, container.ip, running)

    async def _retired_after(self, task: asyncio.Task[DockerRunning], container: Container) -> None:
        """A boot that nobody waits for any more leaves nothing."""
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(task, return_exceptions=True)
        await to_the_end(asyncio.ensure_future(self._retire(container)))

    async def _boot(self, container: Container) -> DockerRunning:
        host, spec = container.host, container.spec
        async with container.turning:
            try:
                container.image = await self._images.name_on(host, spec.image)
                wanted = [name for name, _ in spec.volumes]
                container.volumes = await self.volumes.mounts(host, wanted)
                running = await container.boot()
            except BaseException:
                await self._retire(container)
                raise
        if container.unwanted:
            await self._retire(container)
            raise container.end_of_it()
        self._bury(container)
        return running

    async def start(self, container: str) -> Running:
        return await self._turn(container, lambda found: found.awake())

    async def reboot(self, container: str, grace: float, *, reset: bool) -> Booted:
        found = self._live(container)
        running = await self._turn(container, lambda it: it.again(grace, reset=reset))
        return Booted(found.host.name, found.ip, running)

    async def _turn(
        self, name: str, deed: Callable[[Container], Coroutine[Any, Any, DockerRunning]]
    ) -> DockerRunning:
        return await self._background.finish(self._turned(self._live(name), deed))

    async def _turned(
        self, container: Container, deed: Callable[[Container], Coroutine[Any, Any, DockerRunning]]
    ) -> DockerRunning:
        async with container.turning:
            self._live(container.spec.id)
            before = container.running
            try:
                running = await deed(container)
            except BaseException:
                now = container.running
                if now is not before or now is None or now.ended:
                    await self._retire(container)
                if container.unwanted:
                    raise container.end_of_it() from None
                raise
        if container.unwanted:
            raise container.end_of_it()
        self._bury(container)
        return running

    async def execute(self, container: str, spec: ProcessSpec) -> Running:
        found = self._live(container)
        while True:
            async with found.turning:
                self._live(container)
            before = found.running
            try:
                return await found.execute(spec)
            except (EngineFailed, *BROKEN) as problem:
                why = await found.meaning(problem)
                if not found.rebooting and found.running is before:
                    raise why from problem

    async def destroy(self, container: str, grace: float) -> None:
        found = self._containers.get(container)
        if found is None:
            return
        found.give_up()
        if found.turning.locked():
            async with found.turning:
                pass
        with contextlib.suppress(*BROKEN):
            await found.stop(grace)
        await self._retire(found)

    async def _retire(self, container: Container) -> None:
        """Remove all there is of one that is over. Whoever comes second waits for the first."""
        if container.retiring is None:
            container.retiring = asyncio.ensure_future(self._remove(container))
        await asyncio.shield(container.retiring)

    async def _remove(self, container: Container) -> None:
        container.over = True
        opened = self._opened.pop(container.spec.id, None)
        if opened is not None:
            await opened.close()
        try:
            with contextlib.suppress(*BROKEN):
                await container.free()
        finally:
            self._containers.pop(container.spec.id, None)

    def _live(self, name: str) -> Container:
        found = self._containers.get(name)
        if found is None or found.over or found.unwanted:
            raise ContainerEnded(f"container {name} has ended")
        return found

    # -- files and connections

    def files(self, container: str) -> Files:
        found = self._live(container)
        if not found.host.is_near:
            raise NotSupported(
                f"files of containers on {found.host.name}: it is another machine",
                hint="Use a volume, or a command that prints or reads them.",
            )
        opened = self._opened.setdefault(container, Opened())
        return EmbeddedFiles(lambda: self._root(container), 0, self._threads, opened)

    async def _root(self, container: str) -> int:
        found = self._live(container)
        async with found.turning:
            self._live(container)
        try:
            return os.open(f"/proc/{found.pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as problem:
            raise found.end_of_it() from problem

    async def dial(self, container: str, port: int) -> socket.socket:
        return await dial(self._live(container).ip, port)

    async def allow(self, server: str, client: str) -> None:
        to, of = self._live(server), self._live(client)
        if to.host is not of.host:
            raise NotSupported(
                f"{of.host.name} and {to.host.name} are two hosts: containers reach each other on one",
                hint="Spawn both on the same node.",
            )
        await to.host.firewall.allow(of.ip, to.ip)
        for name in (server, client):
            self._live(name)

    async def disallow(self, server: str, client: str) -> None:
        to, of = self._containers.get(server), self._containers.get(client)
        if to is not None and of is not None:
            await to.host.firewall.disallow(of.ip, to.ip)

    async def beside(self, argv: Sequence[str], folder: Path) -> Running:
        return await beside.start(argv, folder)


def _check_places(spec: ContainerSpec) -> None:
    mounts = [place for _, place in spec.volumes]
    for place in mounts:
        places.check_volume(place)
    for path, _ in spec.files:
        places.check_file(path, mounts)
