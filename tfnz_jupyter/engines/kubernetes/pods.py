"""One container's Pod, from the wish for it until nothing is left, and all of a location's.

What a Pod is like is told by one watch; what goes on within it, by ``inside``. Both may say that it is over: whichever comes
first. A Pod that nobody asked to end (its node is lost, it was evicted, drained or deleted by hand) ends with the reason
that the cluster gives, and is deleted, for the cluster would keep what is left of it for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from ...errors import ContainerEnded, EngineFailed, NotSupported
from ..base import ContainerSpec, Exit
from ..threads import to_the_end
from . import manifest_news, manifests
from .api import Api, Json
from .init import MAIN
from .inside import Inside
from .manifest_news import News
from .running import PodRunning

T = TypeVar("T")

_HELD = 20.0  # seconds for which the scheduler may find no place: a volume is being made, another Pod is just going


class Pod:
    """One Pod.

    Args:
        path: of the namespace's Pods.
        spec: what is to run in it.
        node: where.
    """

    def __init__(self, api: Api, path: str, spec: ContainerSpec, node: str) -> None:
        self._api = api
        self.path = f"{path}/{spec.id}"
        self.spec, self.node = spec, node
        self.inside = Inside(api, self.path, spec)
        self.news = News()
        self.reference: Json = {}  # an ownerReference to it
        self.first: PodRunning | None = None
        self.image = ""  # as the manifest has it
        self.turns = 0  # how often its container was to be made anew
        self.rounds = (
            0  # how often it was rebooted, which makes others begin again with what they do
        )
        self.booting: asyncio.Task[PodRunning] | None = None
        self.turning = asyncio.Lock()  # held while it wakes or reboots
        self.removal: asyncio.Task[None] | None = None
        self.unwanted = False  # somebody asked for its end
        self.over: Exit | None = None
        self._changed = asyncio.Event()

    @property
    def lives(self) -> bool:
        """Whether it is not over; it may just be rebooting, which its first process ends of."""
        if self.first is None or self.removal is not None or self.over is not None:
            return False
        return self.turning.locked() or not self.first.over

    # -- told by the watch ---------------------------------------------------------------------------------------------

    def take(self, found: Json | None) -> None:
        """It has changed; None: there is no such Pod any more."""
        if found is None:
            self.end(Exit(reason="unknown: its Pod was deleted"))
        else:
            self.reference = manifests.reference(found, "v1", "Pod")
            before, self.news = self.news, manifest_news.read(found, self.turns)
            if self.news.runs and not before.runs:
                self.inside.hurry()
            if self.news.over is not None:
                self.end(self.news.over)
        self._wake()

    def adopt(self, found: Json) -> None:
        """It was made by an earlier location."""
        self.image = found["spec"]["containers"][0]["image"]
        self.turns = manifest_news.starts(found)
        self.take(found)

    def end(self, how: Exit) -> None:
        """All in it is over; once only."""
        if self.over is None:
            self.over = how
            self.inside.lost(how)
            self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    # -- what is done with it ------------------------------------------------------------------------------------------

    async def create(self, pods: str, manifest: Json) -> None:
        """Ask the cluster for it. Whoever gives up knows whether it was made.

        Raises:
            EngineFailed: there is one of that name.
        """
        self.image = manifest["spec"]["containers"][0]["image"]
        asking = asyncio.ensure_future(self._api.create(pods, manifest))
        await to_the_end(asking)
        made = asking.result()
        if made is None:
            raise EngineFailed(f"the cluster has a Pod {self.spec.id} already")
        self.take(made)

    async def until(self, so: Callable[[News], bool]) -> None:
        """Return once it is so.

        Raises:
            EngineFailed: it never will be, or all is over; the cluster's reason.
        """
        loop = asyncio.get_running_loop()
        patience = loop.time() + _HELD
        while not so(self.news):
            self._hopeful()
            changed = self._changed
            wait = patience - loop.time() if self.news.held else None
            try:
                async with asyncio.timeout(wait):
                    await changed.wait()
            except TimeoutError:
                raise EngineFailed(
                    f"the cluster finds no place for {self.spec.id} on {self.node}: {self.news.held}"
                ) from None
        self._hopeful()

    def _hopeful(self) -> None:
        if self.over is not None:
            raise EngineFailed(
                f"container {self.spec.id} has ended before it ran: {self.over.reason}"
            )
        if self.news.failed:
            raise EngineFailed(f"container {self.spec.id}: {self.news.failed}")

    async def meanwhile(self, deed: Coroutine[Any, Any, T]) -> T:
        """Do something that makes no sense any more once this fails or is over. Raises as :meth:`until`."""
        doing = asyncio.ensure_future(deed)
        failing = asyncio.ensure_future(self.until(lambda news: False))
        try:
            await asyncio.wait({doing, failing}, return_when=asyncio.FIRST_COMPLETED)
            if doing.done():
                return doing.result()
            await failing
            raise AssertionError("what never is so cannot have become so")
        finally:
            for task in (doing, failing):
                task.cancel()
            await asyncio.gather(doing, failing, return_exceptions=True)

    async def boot(self) -> PodRunning:
        """Run its command, once there is something to run it in."""
        await self.until(lambda news: news.prepared or news.runs)
        return await self.meanwhile(self.inside.run())

    async def reset(self, grace: float) -> PodRunning:
        """End all in it, have its container made anew, and run the command there.

        Raises:
            NotSupported: nobody can tell the image from another of that name.
        """
        digest = await self._digest()
        await self.inside.end(grace)
        self.turns += 1
        image = manifests.respelt(self.image, digest, self.turns)
        change = {"spec": {"containers": [{"name": MAIN, "image": image}]}}
        if await self._api.patch(self.path, change, strategic=True) is None:
            raise ended(self.spec.id)
        return await self.meanwhile(self.inside.run())

    async def _digest(self) -> str:
        """What its image is and no other, by its name or as the node tells once the container runs."""
        named = self.image.partition("@")[2]
        if not named:
            await self.until(lambda news: news.runs)
        if not (digest := named or self.news.digest):
            raise NotSupported(
                f"{self.image} has no digest on {self.node}, without which it cannot be begun with anew",
                hint="Use an image from a registry.",
            )
        return digest

    async def delete(self) -> None:
        """Have the cluster forget it; its node ends what is left of it."""
        await self._api.delete(self.path, grace=0)


def ended(container: str) -> ContainerEnded:
    """The error for whoever wants something of a container that is over."""
    return ContainerEnded(f"container {container} has ended")
