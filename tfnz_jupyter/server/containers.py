"""One container as the location sees it: from the wish to the last byte of its log."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import socket
import time
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from ..engines.base import (
    Booted,
    ContainerSpec,
    Engine,
    Exit,
    ImageInfo,
    Limits,
    Progress,
    Running,
    Taken,
    Terminal,
)
from ..errors import ContainerEnded, EngineFailed, TfnzError, UsageError, from_wire, to_wire
from ..wire import egress, tags
from ..wire.messages import ContainerChanged, ExternalOffered, Spawn
from .images import Images
from .pace import Paced
from .processes import Process, describe
from .tunnels import Connect, Dial

log = logging.getLogger(__name__)

_TAIL_LINES = 12


@dataclasses.dataclass(frozen=True, slots=True)
class Past:
    """What a killed location knew of a container, and what is left of it."""

    news: ContainerChanged
    spec: ContainerSpec | None
    booted: Booted | None
    printed: int = 0  # bytes and lines that were read until it changed last
    lines: int = 0

    @property
    def taken(self) -> Taken:
        """All that was read, and what was fed to the process that runs."""
        since = self.booted.process.taken if self.booted else Taken()
        return Taken(self.printed + since.read, self.lines + since.lines, since.fed)


class Container:
    """Drives one container of a user's session and tells of every change."""

    def __init__(
        self,
        wish: Spawn,
        session: str,
        user: str,
        engine: Engine,
        images: Images,
        tell: Callable[[Container], None],
        past: Past | None = None,
    ) -> None:
        self.id = wish.container
        self.name = wish.name
        self.image = wish.image
        self.tag = tags.valid(wish.tag or None)
        self.session = session
        self.user = user
        self.spec: ContainerSpec | None = past.spec if past else None
        self.process = Process(past.taken if past else None)
        self._wish = wish
        self._image_id = ""
        self._engine = engine
        self._images = images
        self._tell = tell
        self._past = past
        self._state = past.news if past else ContainerChanged(self.id, "preparing")
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ended = asyncio.Event()
        self._destroying = False
        self._booted = False
        self._asleep = wish.asleep and self.state != "running"
        self._turning = asyncio.Lock()  # held while it wakes or reboots
        self._next: asyncio.Future[Booted] | None = None  # what will take the first process's place
        if self.over:
            self.process.close()
            self._ended.set()
            return
        self._task = asyncio.ensure_future(self._live())
        self._task.add_done_callback(self._settle)

    @property
    def news(self) -> ContainerChanged:
        """All that can change about it, as it is now."""
        return self._state

    @property
    def state(self) -> str:
        """preparing, booting, asleep, running, ended or failed."""
        return self._state.state

    @property
    def node(self) -> str:
        """The node it runs on, or is to run on."""
        return self._state.node or self._wish.node

    @property
    def over(self) -> bool:
        """Whether it runs no longer, or never will."""
        return self.state in ("ended", "failed")

    @property
    def wish(self) -> Spawn:
        """What was asked for; without the files, once they are in it."""
        return self._wish

    @property
    def image_id(self) -> str:
        """Of the image it is made of, or will be; empty while nobody knows which that is."""
        return self.spec.image.id if self.spec else self._image_id

    @property
    def volumes(self) -> frozenset[str]:
        """The ids of those it was wished for with."""
        return frozenset(volume for volume, _place in self._wish.volumes)

    def offer(self) -> ExternalOffered:
        """What other sessions of its user are told of it."""
        wish = self._wish
        return ExternalOffered(
            self.id, self.tag or "", self.name, self.image, wish.node, wish.command
        )

    @property
    def ip(self) -> str:
        """Its private address; empty while it has none."""
        return self._state.ip

    async def ready(self) -> None:
        """Return once it runs.

        Raises:
            TfnzError: why it never will (what spawning failed with), or ``ContainerEnded``.
        """
        if self._state.error is not None:
            raise from_wire(*self._state.error)
        if self._ended.is_set():
            raise self._over()
        await asyncio.shield(self._ready)

    def connector(self, port: int) -> Connect:
        """What opens connections to one of its ports."""
        return lambda protocol: self._engine.connect(self.id, port, protocol)

    def dialler(self, port: int) -> Dial:
        """What opens connections to one of its ports, as sockets."""

        async def dial() -> socket.socket:
            await self.ready()
            return await self._engine.dial(self.id, port)

        return dial

    async def start(self) -> None:
        """Run its command, if it is asleep.

        Raises:
            TfnzError: there is no such command, or it is over.
        """
        await self.ready()
        await asyncio.shield(asyncio.ensure_future(self._start()))

    async def _start(self) -> None:
        async with self._turning:
            if self._asleep:
                await self._turn(self._wake())

    async def _wake(self) -> Booted:
        running = await self._engine.start(self.id)
        self._asleep = False
        return Booted(self._state.node, self._state.ip, running)

    async def reboot(self, grace: float, *, reset: bool) -> None:
        """End what runs in it and run its command anew; one that is asleep stays so.

        Raises:
            TfnzError: it did not come up again, or is over.
        """
        await self.ready()
        await asyncio.shield(asyncio.ensure_future(self._reboot(grace, reset)))

    async def _reboot(self, grace: float, reset: bool) -> None:
        async with self._turning:
            await self.ready()
            self._ready = asyncio.get_running_loop().create_future()
            self._change(state="booting", step="boot", text="", done=0, total=None)
            await self._turn(self._engine.reboot(self.id, grace, reset=reset))

    async def _turn(self, deed: Coroutine[Any, Any, Booted]) -> None:
        """Do what may put another process in the place of the first, and have it followed."""
        following = self._next = asyncio.get_running_loop().create_future()
        try:
            booted = await deed
        except BaseException as problem:
            self._refuse(following, problem)
            raise
        if booted.process is self.process.running:
            self._refuse(following, ContainerEnded("nothing takes its place"))
        else:
            following.set_result(booted)
        if not self.over:
            self._runs(booted, time.time())

    def _refuse(self, following: asyncio.Future[Booted], problem: BaseException) -> None:
        """Nothing follows the first process; if it has ended of that, this is why."""
        following.set_exception(problem)
        following.exception()  # seen: it is raised elsewhere
        if self.process.lives:
            self._next = None

    async def ended(self) -> None:
        """Return once it is over."""
        await self._ended.wait()

    async def destroy(self, grace: float) -> None:
        """End it, wherever it is; returns when nothing of it is left. Idempotent."""
        self._destroying = True
        if self._booted:
            await self._engine.destroy(self.id, grace)
        elif not self._ended.is_set():
            self._task.cancel()
        await self._ended.wait()

    def lose(self) -> None:
        """Its node is gone, and what became of it there nobody knows."""
        self._change(state="ended", code=None, reason=f"unknown: its node {self.node} was lost")
        self._task.cancel()

    async def _live(self) -> None:
        try:
            end = await self._boot_and_run()
            self._change(
                state="ended",
                code=end.returncode,
                reason="destroyed" if self._destroying else describe(end),
            )
        except TfnzError as problem:
            self._fail(problem)
        except Exception as problem:
            log.exception("container %s", self.id)
            self._fail(EngineFailed(f"{type(problem).__name__}: {problem}"))

    def _settle(self, living: asyncio.Task[None]) -> None:
        """It is over, even if it was cancelled before it began."""
        if living.cancelled() and not self.over:
            self._fail(ContainerEnded(f"{self.name} was destroyed before it ran"), "destroyed")
        self.process.close()
        self._ended.set()
        if not self._ready.done():
            self._ready.set_exception(self._over())
            self._ready.exception()

    async def _boot_and_run(self) -> Exit:
        booted = self._past.booted if self._past else None
        if booted is None and self.state in ("asleep", "running"):
            return Exit(
                reason="lost with its location, which was killed; nobody knows how it ended"
            )
        if booted is None:
            booted = await self._boot()
        self._forget_files()
        self._booted = True
        self._runs(booted, self._state.started_at or time.time())
        try:
            return await self._follow(booted.process)
        finally:
            await self._engine.destroy(self.id, 0)

    def _runs(self, booted: Booted, started_at: float) -> None:
        """It is booted: its command runs, or sleeps."""
        self._change(
            state="asleep" if self._asleep else "running",
            step="",
            ip=booted.ip,
            node=booted.node,
            started_at=None if self._asleep else started_at,
        )
        if not self._ready.done():
            self._ready.set_result(None)

    async def _follow(self, running: Running) -> Exit:
        """Until its first process has ended and no other takes its place."""
        while True:
            end = await self.process.run(running)
            if self._next is None:
                return end
            try:
                running = (await self._next).process
            except ContainerEnded:
                return end
            self._next = None

    async def _boot(self) -> Booted:
        report = Paced(self._progressed)
        image = await self._images.ensure(self._wish.image, report)
        self._image_id = image.id
        # told with what comes next, which is soon
        self._state = msgspec.structs.replace(self._state, image_source=image.source)
        await self._engine.install(image, self._images.blobs, report)
        self.spec = _spec(self._wish, image)
        self._change(state="booting", step="boot", text="", done=0, total=None)
        return await self._engine.boot(self.spec, self._wish.node)

    def _forget_files(self) -> None:
        """They are in the container now, and may be large."""
        assert self.spec is not None
        self.spec = dataclasses.replace(self.spec, files=())
        self._wish = msgspec.structs.replace(self._wish, files=[])

    def _progressed(self, progress: Progress) -> None:
        self._change(
            step=progress.step, text=progress.text, done=progress.done, total=progress.total
        )

    def _fail(self, problem: TfnzError, reason: str = "") -> None:
        reason = reason or f"{problem.message} {problem.hint}".strip()
        self._change(state="failed", reason=reason, error=to_wire(problem))
        if not self._ready.done():
            self._ready.set_exception(problem)
            self._ready.exception()  # it is told, whether or not anybody waits

    def _change(self, **fields: Any) -> None:
        if fields.get("state") in ("ended", "failed"):
            fields |= {"ended_at": time.time(), "step": "", "ip": ""}
        self._state = msgspec.structs.replace(self._state, **fields)
        self._tell(self)

    def _over(self) -> TfnzError:
        return ContainerEnded(
            f"{self.name} is over: {self._state.reason}", detail=self.process.log.tail(_TAIL_LINES)
        )


def _spec(wish: Spawn, image: ImageInfo) -> ContainerSpec:
    """What to boot, by the OCI rules: a command replaces entrypoint and cmd; the user's environment wins."""
    argv = tuple(wish.command) if wish.command else image.entrypoint + image.cmd
    if not argv and not wish.asleep:
        raise UsageError(
            f"{wish.image} says nothing about what to run", hint="Give the spawn a command."
        )
    way_out = egress.valid(wish.egress)
    return ContainerSpec(
        id=wish.container,
        hostname=wish.name,
        image=image,
        argv=argv,
        env=tuple((dict(image.env) | dict(wish.env)).items()),
        cwd=wish.cwd or image.working_dir or "/",
        user=image.user,
        files=tuple(wish.files),
        limits=Limits(wish.memory, wish.cpus, wish.pids, wish.disk),
        volumes=tuple(wish.volumes),
        egress=way_out if isinstance(way_out, str) else tuple(way_out),
        asleep=wish.asleep,
        terminal=Terminal(*wish.terminal) if wish.terminal else None,
    )
