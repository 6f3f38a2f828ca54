"""A machine that runs containers."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..blocking import verb
from ..errors import UsageError
from ..wire import egress as ways
from ..wire import tags
from ..wire.ids import own_id
from ..wire.messages import NodeState, Spawn
from . import asking
from .container import Container
from .handle import Handle

if TYPE_CHECKING:
    from .location import Location

Callback = Callable[..., object]

_LEAST_MEMORY = 6 * 1024 * 1024
_LEAST_DISK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Stats:
    """A sample of a node. Ranking sorts by ``score``: cpu + memory - 10 x paging, less what others were promised there."""

    cpu: int  # idle thousandths of a core
    cpu_total: int
    memory: int  # MiB available
    memory_total: int
    paging: int  # KiB a second swapped in and out
    containers: int
    score: int


class Node(Handle):
    """One of ``Location.nodes``; ``Location.node()`` gives the best."""

    def __init__(self, state: NodeState, location: Location) -> None:
        super().__init__(state.id)
        self.name = state.name
        self._location = location
        self.stats = _stats(state)

    @property
    def containers(self) -> dict[str, Container]:
        """This session's containers on this node, ended ones too, by id."""
        return {c.uuid: c for c in self._location.containers.values() if c.node() is self}

    def all_containers(self) -> list[Container]:
        """This session's live containers on this node."""
        return [c for c in self.containers.values() if not c.dead]

    def parent(self) -> Location:
        """The location it belongs to."""
        return self._location

    @verb
    async def spawn_container(
        self,
        image: str,
        *,
        env: asking.Pairs | None = None,
        sleep: bool = False,
        volumes: asking.Pairs | None = None,
        pre_boot_files: asking.Pairs | None = None,
        command: str | list[str] | None = None,
        stdout_callback: Callback | None = None,
        stderr_callback: Callback | None = None,
        termination_callback: Callback | None = None,
        tag: str | None = None,
        name: str | None = None,
        memory: int | None = None,
        cpus: float | None = None,
        pids: int | None = None,
        disk: int | None = None,
        workdir: str | None = None,
        egress: str | Iterable[str] = "internet",
        terminal: asking.Size = None,
    ) -> Container:
        """A container of that image, returned at once; using it waits until it runs.

        Args:
            image: a reference, a path of an archive or layout, or ``.`` for the newest local build.
            env: names and values, added to the image's own.
            sleep: boot everything but its command, which runs at ``start()``; it can be used meanwhile.
            volumes: volumes (or their ids or tags) and the absolute paths they are mounted at.
            pre_boot_files: absolute paths and contents (text or bytes), there before the first process.
            command: replaces the image's entrypoint and command: a list as it is, a string by ``/bin/sh -c``.
            stdout_callback: ``(container, bytes)``, both outputs unless there is a ``stderr_callback``.
            termination_callback: ``(container, returncode)``, once, after the last output; None where nobody knows.
            tag: for this user's other sessions, which find it with ``Location.external_container``.
            name: for people, unique among this session's live containers; made from the image's if not given.
            memory: most it may use, bytes; half the machine's if not given.
            cpus: most it may use, cores; all, shared by weight, if not given.
            pids: most processes at a time; 512 if not given.
            disk: most it may write outside volumes, bytes; 10 GiB if not given.
            workdir: where its command starts; the image's if not given.
            egress: whom it may reach outside: ``internet`` (public addresses), ``none``, ``all`` (this machine and its
                networks too), or a list of IPv4 networks. Names are looked up by the engine, but with ``none``.
            terminal: True or (columns, rows) gives its command a terminal in place of three pipes.

        Raises:
            UsageError: an argument has no meaning, or the tag is taken; the message names it.
            NotFound: there is no such volume.
            NotSupported: the machine cannot limit ``disk``.
            SessionEnded: the session is over.
        """
        if not isinstance(image, str) or not image:
            raise UsageError(f"image: {image!r} is not the name of an image")
        asking.size(memory, "memory", _LEAST_MEMORY)
        asking.amount(cpus, "cpus", 0.01)
        asking.whole(pids, "pids", 1)
        asking.size(disk, "disk", _LEAST_DISK)
        mounts = self._location._mounts(volumes)
        wish = Spawn(
            container=own_id(self._location.user_pk),
            name=self._location._free_name(name, _short(image)),
            image=image,
            output=0,
            input=0,
            node=self.uuid,
            command=None if command is None else asking.command(command),
            env=asking.environment(env),
            files=asking.files(pre_boot_files),
            cwd=asking.folder(workdir, "workdir"),
            memory=memory,
            cpus=cpus,
            pids=pids,
            asleep=bool(sleep),
            terminal=asking.terminal(terminal),
            disk=disk,
            volumes=[(volume.uuid, place) for volume, place in mounts],
            tag=tags.valid(tag) or "",
            egress=ways.valid(egress),
        )
        callbacks = (stdout_callback, stderr_callback, termination_callback)
        if tag is None:
            return self._location._spawn(wish, self, callbacks)
        return await self._location._spawn_tagged(wish, self, callbacks)

    @verb
    async def destroy_container(self, container: Container) -> None:
        """End a container of this node and free everything of it.

        Raises:
            ContainerEnded: it is over already.
            UsageError: it is not one of this node's.
        """
        if container.node() is not self:
            raise UsageError(f"{container.name} is not a container of {self.name}")
        await container.destroy.aio()

    def _lost(self) -> None:
        """It is gone, and has nothing to spare."""
        self.stats = dataclasses.replace(
            self.stats, cpu=0, memory=0, paging=0, containers=0, score=0
        )
        self._changed()

    def _sampled(self, state: NodeState) -> None:
        self.stats = _stats(state)
        self._changed()

    def __repr__(self) -> str:
        s = self.stats
        return (
            f"<Node {self.name} {s.cpu / 1000:.1f} of {s.cpu_total / 1000:g} cores idle, "
            f"{s.memory:,} of {s.memory_total:,} MiB free, {s.containers} containers>"
        )


def _stats(state: NodeState) -> Stats:
    return Stats(
        state.cpu,
        state.cpu_total,
        state.memory,
        state.memory_total,
        state.paging,
        state.containers,
        state.score,
    )


def _short(image: str) -> str:
    """The last word of an image's reference, as a name."""
    last = image.rstrip("/").rsplit("/", 1)[-1].split("@")[0].split(":")[0].lower()
    return re.sub(r"[^a-z0-9]+", "-", last.removesuffix(".tar")).strip("-")[:50] or "container"
