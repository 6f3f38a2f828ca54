"""The embedded engine as a location sees it: decides, writes files, and asks the keeper for everything else.

A container is made in two steps, so that the first can later be done ahead of time: *prepare* (mounts, network, cgroups;
the keeper answers with a descriptor of the root), then, with the user's files and ``config.json`` written through that
descriptor, *start*. Everything that touches the disk runs on the engine's own threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import ClassVar

from ...errors import ContainerEnded, EngineFailed, TfnzError, UsageError
from .. import places, reasons
from ..background import Background
from ..base import (
    Booted,
    ContainerSpec,
    Engine,
    Exit,
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
from ..files import Files
from ..options import Options, known
from ..threads import Threads, to_the_end
from . import bpf, exits, messages, needs, stats, subids, sweep
from .beside import Beside
from .bundle import Machine
from .connections import Connections
from .container import Container, ended
from .files import EmbeddedFiles
from .layers import Layers
from .link import Link, end_keeper, join_keeper, log_tail, start_keeper
from .starts import Starts
from .survivors import Survivors
from .turns import Turns
from .volumes import EmbeddedVolumes
from .workshop import EmbeddedWorkshop

_KEEPER_DIED = "the engine's keeper was killed, and every container with it"
_LATE = 1.0  # seconds that crun may take to end after it said that execve failed
_MEASURED = 100  # containers at once: meanwhile the keeper does nothing else
_EVERY, _FIRST = 1.0, 0.05  # seconds between samples of the node, and before the first one

_log = logging.getLogger(__name__)


class EmbeddedEngine(Engine):
    """Containers on this machine.

    Args:
        state: folder (0700) for unpacked layers and what containers write.
        runtime: folder (0700) for the keeper's socket and log.
        linger: seconds a keeper outlives its location.
        reserve: bytes of the disk below which no more containers are started.
        slots: how many containers are made ready before anybody asks for them.
    """

    name: ClassVar[str] = "embedded"
    volumes: EmbeddedVolumes

    def __init__(
        self,
        state: Path,
        runtime: Path,
        options: Options,
        *,
        linger: float = 30.0,
        reserve: int = 1 << 30,
        slots: int = 4,
    ) -> None:
        known(options, self.name, ())
        self._state, self._runtime, self._linger = state.absolute(), runtime.absolute(), linger
        #: What this machine does not let the engine do, in plain sentences.
        self.degraded: list[str] = []
        self._node, self._slots = stats.node_name(), slots
        self._disk = Threads(4, "engine-disk")
        self._starts = Starts(self._keeper, self._disk)
        self._containers: dict[str, Container] = {}
        self._beside = Beside(self._disk)
        self.volumes = EmbeddedVolumes(self._state, self._disk, self._containers, reserve)
        self._layers: Layers | None = None
        self._machine: Machine
        self._link: Link | None = None
        self._linking = asyncio.Lock()
        self._background = Background()
        self._turns = Turns(
            self._starts, self._present, self._retire, self.volumes.mounting, self._background
        )
        self._connections = Connections(self._keeper, self._present)
        self._workshop = EmbeddedWorkshop(
            self.install, self._root, self._still,
            lambda name: self._present(name).disk.written(name), lambda: self._machine.first_id,
        )  # fmt: skip
        self._lock = -1
        self._closed = False

    # -- open and close ------------------------------------------------------------------------------------------------

    @classmethod
    def enter(cls, runtime: Path) -> None:
        from .entering import enter  # asked for once, before anything else is

        enter(runtime)

    async def open(
        self,
        on_nodes: Callable[[tuple[NodeInfo, ...]], None],
        known: Mapping[str, ContainerSpec] | None = None,
    ) -> dict[str, Survivor]:
        needs.check()
        survivors: dict[str, Survivor] = {}
        try:
            first_id, seccomp = await self._disk.run(self._settle)
            self._machine = Machine(first_id, seccomp, needs.rlimits())
            folder = self._state / "layers"
            self._layers = await self._disk.run(lambda: Layers(folder, first_id))
            survivors = await self._recall(known or {})
            await self._keeper()
            node, sample = await self._sample(None)
        except BaseException:
            await to_the_end(asyncio.ensure_future(self.close()))
            raise
        on_nodes((node,))
        self._background.begin(self._watch(on_nodes, sample))
        return survivors

    def _settle(self) -> tuple[int, str]:
        """Be the only location of this state, and clear what one left while it was unpacking."""
        state = self._state
        for folder in (state, self._runtime, state / "layers", state / "containers"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        lock = os.open(self._runtime / "engine.lock", flags, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise EngineFailed(f"another location is using {state}") from None
        self._lock = lock
        sweep.clear_half_done(state)
        return subids.ensure(), bpf.filter_base64(state)

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        await self._background.cancel()
        if self._layers is not None:
            await self._layers.close()
        async with self._linking:
            if self._link is not None:
                await self._link.close(self._disk)
        await self._background.over()
        for container in list(self._containers.values()):
            await container.close()
        self.volumes.detach()
        if self._lock >= 0:
            await self.volumes.freed()
            await self._disk.run(self._leave)
        self._disk.close()
        self._workshop.close()

    def _leave(self) -> None:
        sweep.clear(self._state)
        (self._runtime / messages.SOCKET).unlink(missing_ok=True)
        os.close(self._lock)

    # -- the keeper ----------------------------------------------------------------------------------------------------

    async def _keeper(self) -> Link:
        """The keeper, started anew where the last one was killed."""
        async with self._linking:
            if self._closed:
                raise EngineFailed("the engine is closed")
            if self._link is not None and self._link.ended:
                await self._bury(self._link)
            if self._link is None:
                self._link = await self._start_keeper()
            return self._link

    async def _recall(self, known: Mapping[str, ContainerSpec]) -> dict[str, Survivor]:
        """Take over what is wanted of a killed location's containers, and end the rest of what it left."""
        runtime, state = self._runtime, self._state
        found = await self._disk.run(lambda: join_keeper(runtime)) if known else None
        if found is None:
            await self._disk.run(lambda: end_keeper(runtime))
            await self._disk.run(lambda: sweep.clear(state))
            return {}
        self._link = link = await self._join(*found)
        survivors = Survivors(link, self._containers, known, self.volumes.disk, self._machine)
        await link.recall(survivors.take)
        for stranger in survivors.strangers | (set(known) - set(self._containers)):
            await link.ask(messages.Destroy(link.number(), stranger, signal.SIGKILL, 0.0))
        for container in list(self._containers.values()):
            if container.spec.id not in container.running:
                self._retire(container)
        found_here, keep = survivors.result(self._node), set(self._containers)
        await self._disk.run(lambda: self.volumes.disk.clear_containers(keep))
        return found_here

    async def _start_keeper(self) -> Link:
        await self.volumes.make()
        start = partial(start_keeper, self._state, self._runtime, self._linger)
        link = await self._join(*await self._disk.run(start))
        keep = set(self._containers)  # whatever else is there, a keeper left that is no more
        await self._disk.run(lambda: self.volumes.disk.clear_containers(keep))
        return link

    async def _join(self, sock: socket.socket, pidfd: int) -> Link:
        """The conversation with a keeper, from its first word on."""
        on_degraded = self.degraded.append
        link = Link(
            sock, pidfd, on_exit=self._on_exit, on_degraded=on_degraded, on_end=self._on_end
        )
        try:
            ready = await link.ready
        except BaseException as error:
            await link.close(self._disk)
            if isinstance(error, EngineFailed):
                error.detail = error.detail or log_tail(self._runtime)
            raise
        self.degraded[:] = ready.degraded
        self.degraded += await self.volumes.attach(link, self._machine.first_id)
        self._machine = replace(self._machine, cgroup2=ready.cgroup2, lacking=ready.lacking)
        link.tell(messages.Warm(self._slots, self._machine.first_id))
        return link

    async def _bury(self, link: Link) -> None:
        """Wait for the end of a keeper, and sweep up after it."""
        await link.close(self._disk)
        removals = [c.removal for c in self._containers.values() if c.removal is not None]
        await asyncio.gather(*removals, return_exceptions=True)
        self.volumes.detach()
        await self._disk.run(lambda: sweep.clear(self._state))
        self._link = None

    def _on_exit(self, news: messages.Exited) -> None:
        if self._beside.exited(news):
            return
        for container in self._containers.values():
            if news.id in container.running or news.id in container.launching:
                container.exited(news.id, exits.from_status(news.status, news.out_of_memory))
                if news.id == container.spec.id and not container.rebooting:
                    self._retire(container)
                return

    def _on_end(self) -> None:
        """The keeper is gone, and the kernel has ended all it held."""
        self._connections.drop()
        for container in list(self._containers.values()):
            container.everything_exited(Exit(reason=_KEEPER_DIED))
            self._retire(container)
        self._beside.all_exited(Exit(reason=_KEEPER_DIED))
        if self._link is not None and not self._closed:
            self._background.begin(self._bury_soon(self._link))

    async def _bury_soon(self, link: Link) -> None:
        async with self._linking:
            if self._link is link:  # else a boot was quicker
                await self._bury(link)

    # -- images and containers -----------------------------------------------------------------------------------------

    async def install(self, image: ImageInfo, blobs: Path, report: Report) -> None:
        assert self._layers is not None
        await self._layers.install(image, blobs, report)

    def workshop(self, node: str) -> Workshop:
        return self._workshop

    async def uninstall(self, layers: Sequence[Layer], image: ImageInfo | None) -> None:
        assert self._layers is not None
        await self._layers.remove(layers, self._in_use)

    def _in_use(self) -> set[str]:
        """The diff ids of what live containers, and those on their way, are made of."""
        images = [container.spec.image for container in self._containers.values()]
        return {layer.diff_id for image in images for layer in image.layers}

    async def boot(self, spec: ContainerSpec, node: str) -> Booted:
        if node != self._node:
            raise UsageError(f"no node {node!r}: this engine has only {self._node!r}")
        if spec.id in self._containers:
            raise UsageError(f"container {spec.id} exists already")
        for path, _content in spec.files:
            places.check_file(path, [place for _volume, place in spec.volumes])
        container = Container(spec, self.volumes.disk, self._machine)
        self._containers[spec.id] = container
        try:
            self.volumes.require_space()
            await self._keeper()
            needs.require_limits(spec.limits, self._machine.lacking)
            container.disk = self.volumes.disk  # another keeper's has another
            async with self.volumes.mounting(spec.volumes):
                process = await self._starts.first(container)
            container.settled.set()
        except BaseException as error:
            container.settled.set()
            await to_the_end(self._retire(container))
            if container.unwanted and isinstance(error, EngineFailed | OSError):
                raise ContainerEnded(f"container {spec.id} was destroyed while it booted") from None
            if isinstance(error, OSError) and not isinstance(error, TfnzError):
                raise EngineFailed(f"container {spec.id}: {error.strerror}") from error
            raise
        return Booted(self._node, container.ip, process)

    async def execute(self, container: str, spec: ProcessSpec) -> Running:
        return await self._turns.execute(container, spec)

    async def start(self, container: str) -> Running:
        return await self._turns.start(container)

    async def reboot(self, container: str, grace: float, *, reset: bool) -> Booted:
        found = self._present(container)
        running = await self._turns.reboot(container, grace, reset=reset)
        return Booted(self._node, found.ip, running)

    def noted(self, process: str) -> None:
        if self._link is not None:
            self._link.tell(messages.Noted(process))

    async def destroy(self, container: str, grace: float) -> None:
        found = self._containers.get(container)
        if found is not None:
            found.unwanted = True
            await asyncio.shield(self._retire(found, grace))

    def _retire(self, container: Container, grace: float = 0.0) -> asyncio.Task[None]:
        """Free all of a container, once; whoever cares waits for the task."""
        if container.removal is None:
            container.removal = self._background.begin(self._remove(container, grace))
        return container.removal

    async def _remove(self, container: Container, grace: float) -> None:
        name = container.spec.id
        number = reasons.signal_number(container.spec.image.stop_signal)
        settled = False
        while not settled:  # again where its boot was under way
            settled = container.settled.is_set()
            with contextlib.suppress(EngineFailed):
                if (link := self._link) is not None:
                    await link.ask(messages.Destroy(link.number(), name, number, grace))
            await container.settled.wait()
        await container.close()
        container.everything_exited(Exit(reason="destroyed before it was told how it ended"))
        with contextlib.suppress(EngineFailed):  # what stays is found by the next keeper's location
            await self._disk.run(lambda: container.disk.remove_container(name))
        self._containers.pop(name, None)

    def _present(self, container: str) -> Container:
        """One that is not over; it may just be rebooting."""
        found = self._containers.get(container)
        if found is None or found.removal is not None or not found.ip:
            raise ended(container)
        return found

    # -- files ---------------------------------------------------------------------------------------------------------

    def files(self, container: str) -> Files:
        found = self._present(container)
        root = partial(self._root, container)
        return EmbeddedFiles(root, self._machine.first_id, self._disk, found.opened)

    async def _root(self, container: str) -> int:
        """What a container sees as ``/``: a descriptor, the caller's to close."""
        found = self._present(container)
        return await found.root(partial(self._look, found))

    async def _still(self, container: str) -> None:
        """End all that runs in a sleeper."""
        await self.reboot(container, 0, reset=False)

    async def _look(self, container: Container) -> int:
        link = await self._keeper()
        try:
            _answer, fds = await link.ask(messages.Look(link.number(), container.spec.id))
        except EngineFailed:
            raise ended(container.spec.id) from None
        return fds[0]

    # -- connections ---------------------------------------------------------------------------------------------------

    async def allow(self, server: str, client: str) -> None:
        await self._connections.allow(server, client)

    async def disallow(self, server: str, client: str) -> None:
        await self._connections.disallow(server, client)

    async def dial(self, container: str, port: int) -> socket.socket:
        return await self._connections.dial(container, port)

    async def usage(self, containers: Sequence[str]) -> dict[str, Usage]:
        found: dict[str, Usage] = {}
        link = await self._keeper()
        for start in range(0, len(containers), _MEASURED):
            names = list(containers[start : start + _MEASURED])
            answer, _fds = await link.ask(messages.Measure(link.number(), names))
            assert isinstance(answer, messages.Measured)
            found |= {name: Usage(*used) for name, *used in answer.used}
        return found

    async def beside(self, argv: Sequence[str], folder: Path) -> Running:
        link = await self._keeper()
        return await self._beside.start(link, argv, folder, self._machine.first_id)

    # -- the node ------------------------------------------------------------------------------------------------------

    async def _watch(
        self, on_nodes: Callable[[tuple[NodeInfo, ...]], None], before: stats.Sample
    ) -> None:
        while True:
            await asyncio.sleep(_EVERY)
            try:
                node, before = await self._sample(before)
            except OSError as problem:  # out of descriptors, say; the next second may be better
                _log.warning("the node cannot be sampled: %s", problem)
                continue
            on_nodes((node,))

    async def _sample(self, before: stats.Sample | None) -> tuple[NodeInfo, stats.Sample]:
        if before is None:
            before = await self._disk.run(lambda: stats.read_sample(time.monotonic()))
            await asyncio.sleep(_FIRST)
        after = await self._disk.run(lambda: stats.read_sample(time.monotonic()))
        memory = await self._disk.run(stats.read_meminfo)
        count = sum(1 for c in self._containers.values() if c.spec.id in c.running)
        found = stats.node_stats(before, after, memory, os.cpu_count() or 1, count)
        return NodeInfo(self._node, self._node, found), after
