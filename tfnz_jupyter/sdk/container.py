"""A container: a live object from the moment it is wished for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from ..blocking import verb
from ..errors import TfnzError, from_wire, to_wire
from ..wire import messages as m
from . import asking
from .callbacks import Given
from .connection import Connection
from .deadline import within
from .entering import Entering
from .handle import ago
from .moving import Moving
from .neighbours import Neighbours
from .running import Running
from .streams import ERR, Taker
from .tagging import Taggable
from .turning import Turning
from .uploads import at_location
from .waiting import Waiting

if TYPE_CHECKING:
    from .node import Node
    from .volume import Volume

Callback = Callable[..., object]


class Container(Waiting, Entering, Running, Turning, Moving, Neighbours, Taggable):
    """Made by ``Node.spawn_container``, which returns at once: whatever needs it running waits for that."""

    stdout_callback = Given()
    stderr_callback = Given()
    termination_callback = Given()

    def __init__(
        self,
        wish: m.Spawn,
        node: Node,
        connection: Connection,
        callbacks: tuple[Callback | None, Callback | None, Callback | None],
        user: bytes,
    ) -> None:
        super().__init__(wish, node, connection)
        Taggable.__init__(self, user, wish.container, wish.tag or None)
        self._spawning: asyncio.Task[None] | None = None
        self.image = wish.image
        self.command = wish.command
        self.env = list(wish.env)
        self.limits = {
            "memory": wish.memory,
            "cpus": wish.cpus,
            "pids": wish.pids,
            "disk": wish.disk,
        }
        self.egress = wish.egress
        self.stdout_callback, self.stderr_callback, self.termination_callback = callbacks
        self._output.choose = self._callback_of
        self._wish = msgspec.structs.replace(
            wish,
            input=self._input.stream,
            output=connection.number(),
            lossless=bool(self.stdout_callback or self.stderr_callback),
        )

    @property
    def volumes(self) -> list[tuple[Volume, str]]:
        """What it was spawned with and is still there: volumes, and where they are mounted."""
        known = self.location().volumes
        return [(known[key], place) for key, place in self._wish.volumes if key in known]

    # verbs

    @verb
    async def wait_until_ready(self, timeout: float | None = None) -> Container:
        """Wait until its command runs, or, asleep, could run; returns the container.

        Raises:
            TfnzError: what spawning it failed with.
            ContainerEnded: it is over.
            TimedOut: not within ``timeout`` seconds.
        """
        asking.timeout(timeout)
        async with within(timeout, f"{self.name} is not ready"):
            await self._running()
        return self

    @verb
    async def private_ip(self) -> str:
        """Its address among the containers; waits until it has one.

        Raises:
            TfnzError: what spawning it failed with.
            ContainerEnded: it is over.
        """
        await self._running()
        return self.ip or ""

    @verb
    async def wait_exit(self, timeout: float | None = None) -> int | None:
        """Wait until it is over and all it printed has arrived; its exit code (128 + n for signal n).

        None means that nobody knows; ``reason`` says why. Callbacks are not waited for: the one that comes after all others
        is ``termination_callback``.

        Raises:
            TfnzError: what spawning it failed with.
            SessionEnded: the session ended first.
            TimedOut: it still runs after ``timeout`` seconds.
        """
        asking.timeout(timeout)
        async with within(timeout, f"{self.name} still runs"):
            await self._over.wait()
        if self._news.error:
            raise from_wire(*self._news.error)
        return self.returncode

    @verb
    async def destroy(self) -> None:
        """End it and free everything of it; returns when that is done. Its log stays readable.

        Raises:
            ContainerEnded: it is over already.
        """
        if self.dead:
            self._raise_over()
        await self._connection.call(m.Destroy(self.uuid))
        await self._gone.wait()

    # news from the location

    async def _claimed(self) -> None:
        """Return once its tag is its own; raise why it is not.

        Raises:
            UsageError: this user has something under that id or tag already.
        """
        assert self._spawning is not None
        await asyncio.shield(self._spawning)
        if self.state == "failed" and self._news.error is not None:
            raise from_wire(*self._news.error)

    async def _spawn(self) -> None:
        """Ask for it; what goes wrong becomes its state."""
        wish = self._wish
        self._connection.read(self._stream(wish.output, self._output, lossless=wish.lossless))
        try:
            if self._connection.is_far:
                image = await at_location(self._connection, wish.image, self._progressed)
                self._wish = msgspec.structs.replace(wish, image=image)
            await self._connection.call(self._wish)
            self._wish = msgspec.structs.replace(self._wish, files=[])  # they may be large
        except TfnzError as why:
            self._connection.drop(self._wish.output)
            self._output.end()
            self._heard(
                m.ContainerChanged(self.uuid, "failed", reason=why.message, error=to_wire(why))
            )

    def _progressed(self, news: m.Progressed) -> None:
        """How far its image is that goes to the location."""
        self._heard(
            m.ContainerChanged(
                self.uuid,
                "preparing",
                step=news.step,
                text=news.text,
                done=news.done,
                total=news.total,
            )
        )

    def _heard(self, news: m.ContainerChanged) -> None:
        self._news = news
        if self.is_ready():
            self._ready.set()
        else:
            self._ready.clear()
        if self.dead:
            self._gone.set()
            self._output.done.add_done_callback(lambda _: self._finish())
        self._tell_all()

    def _session_ended(self, why: TfnzError) -> None:
        if not self.dead:
            self._heard(
                m.ContainerChanged(self.uuid, "ended", reason=why.message, error=to_wire(why))
            )

    def _finish(self) -> None:
        """It is over and everything it printed is here."""
        if self._over.is_set():
            return
        for process in list(self._processes.values()):
            self._process_ended(m.ProcessEnded(process.uuid, None, f"its container {self.reason}"))
        for key in list(self._openings):
            self._is_shut(key)
        self._connection.forget(self._input)
        self._over.set()
        self._tell_all()
        self._callbacks.tell(self, "termination_callback", self, self.returncode)

    def _callback_of(self, mark: int) -> Taker | None:
        """Who gets this output, as the attributes stand now."""
        given = Given.of(self, "stderr_callback") if mark == ERR else None
        given = given or Given.of(self, "stdout_callback")
        return None if given is None else (partial(given[0], self), given[1])

    def __repr__(self) -> str:
        since = f", {ago(self.age)}" if self.started_at else ""
        state = f"{self.state} on {self._node.name}" if not self.dead else f"{self.reason}"
        return f"<Container {self.name} {self.image} {state}{since}>"
