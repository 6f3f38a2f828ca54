"""Volumes in the cluster: a claim each; snapshots are the cluster's own where the class has them, else copies on the same disk.

Copies are made by a **workshop**: a Pod with the whole claim, on the node of the containers that have it, which stays a
while for the next deed. A rollback changes what is in the folder that containers have mounted, never the folder itself, so
live ones see it at once. A copy that is made while a container writes may catch half of what it is at.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from ...errors import EngineFailed, NotFound, TfnzError
from ..places import check_volume
from ..volumes import Volumes
from . import manifest_volumes as manifests
from .api import Api
from .labels import LOCATION, VOLUME, selector
from .snapshots import ClusterSnapshots
from .until import until

_log = logging.getLogger(__name__)

Json = dict[str, Any]
T = TypeVar("T")
#: Runs a command in a Pod to its end: its exit code and what it said. Raises ``EngineFailed``.
Run = Callable[[str, Sequence[str]], Awaitable[tuple[int, str]]]

_IDLE = 20.0  # seconds that a workshop waits for the next deed
_PATIENCE = 180.0  # seconds until a disk must have been made, found its node and been mounted


class KubernetesVolumes(Volumes):
    """See :class:`~tfnz_jupyter.engines.volumes.Volumes`.

    Args:
        namespace: where claims are.
        location: whose they are.
        owner: whose end is the end of the workshops.
        image: one with a static /bin/busybox.
        node: where the containers are that have a volume; "" if none has.
        run: see :data:`Run`.
        storage_class: of new ones; the cluster's default where none is named.
    """

    def __init__(
        self, api: Api, namespace: str, location: str, owner: Mapping[str, Any],
        image: Callable[[], Awaitable[str]], node: Callable[[str], str], run: Run,
        storage_class: str = "",
    ) -> None:  # fmt: skip
        self._api, self._location, self._owner = api, location, owner
        self._class, self._clusters = storage_class, ClusterSnapshots(api, namespace)
        self._image, self._node, self._run = image, node, run
        self._claims = f"/api/v1/namespaces/{namespace}/persistentvolumeclaims"
        self._pods = f"/api/v1/namespaces/{namespace}/pods"
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._workshops: dict[str, asyncio.TimerHandle | None] = {}
        self._closing: set[asyncio.Task[None]] = set()

    # -- for containers ------------------------------------------------------------------------------------------------

    async def check(self, volumes: Sequence[tuple[str, str]]) -> None:
        """Whether a container can be made with these (id, place).

        Raises:
            UsageError: a place makes no sense.
            EngineFailed: there is no such volume.
        """
        for _volume, place in volumes:
            check_volume(place)
        for volume, _place in volumes:
            try:
                await self._claim(volume)
            except NotFound as problem:
                raise EngineFailed(problem.message) from problem

    # -- deeds ---------------------------------------------------------------------------------------------------------

    async def existing(self) -> set[str]:
        found, _version = await self._api.items(self._claims, selector({LOCATION: self._location}))
        return {_volume_of(item) for item in found if _volume_of(item) and _stays(item)}

    async def create(self, volume: str) -> None:
        async with self._lock(volume):
            await self._api.create(
                self._claims, manifests.claim(volume, self._location, self._class)
            )
            try:
                await self._work(volume, manifests.MAKE)
            except BaseException:
                await _whole(self._remove(volume))
                raise

    async def destroy(self, volume: str) -> None:
        async with self._lock(volume):
            await _whole(self._remove(volume))

    async def snapshot(self, volume: str, label: str = "") -> None:
        async with self._lock(volume):
            await _whole(self._snapshot(volume, label))

    async def snapshots(self, volume: str) -> list[str]:
        return manifests.snapshots(await self._claim(volume))

    async def rollback(self, volume: str, label: str = "") -> None:
        async with self._lock(volume):
            claim = await self._claim(volume)
            if label not in manifests.snapshots(claim):
                raise NotFound(f"volume {volume} has no snapshot {label!r}")
            if own := manifests.clusters_own(claim).get(label):
                await _whole(self._restore(volume, claim, own))
            else:
                await _whole(self._work(volume, manifests.BRING_BACK, manifests.folder(label)))

    async def close(self) -> None:
        """End the workshops; volumes stay."""
        await asyncio.gather(*(self._close(volume) for volume in list(self._workshops)))
        await asyncio.gather(*self._closing, return_exceptions=True)

    async def _snapshot(self, volume: str, label: str) -> None:
        claim = await self._claim(volume)
        own = manifests.clusters_own(claim)
        former = own.pop(label, "")
        if kind := await self._clusters.kind(claim):
            own[label] = await self._clusters.make(volume, claim, kind)
        else:
            await self._work(volume, manifests.KEEP, manifests.folder(label))
        known = {*manifests.snapshots(claim), label}
        await self._api.patch(self._path(volume), manifests.with_snapshots(known, own))
        if former:
            await self._clusters.drop(former)

    async def _restore(self, volume: str, claim: Json, snapshot: str) -> None:
        """Bring back what one of the cluster's own holds, by way of a claim of its own."""
        name = f"{manifests.claim_name(volume)}-{secrets.token_hex(4)}"
        wish = manifests.restored(name, claim, snapshot, self._location, self._owner)
        await self._close(volume)  # a workshop that sees the volume alone
        await self._api.create(self._claims, wish)
        try:
            await self._work(volume, manifests.RESTORE, restored=name)
        finally:
            await self._close(volume)
            await self._api.delete(f"{self._claims}/{name}")
            await self._absent(f"{self._claims}/{name}")

    async def _remove(self, volume: str) -> None:
        await self._close(volume)
        claim = await self._api.get(self._path(volume))
        if claim is not None:
            own = manifests.clusters_own(claim).values()
            await asyncio.gather(*map(self._clusters.drop, own))
        await self._api.delete(self._path(volume))
        await self._absent(self._path(volume))

    async def _claim(self, volume: str) -> Json:
        found = await self._api.get(self._path(volume))
        if found is None or not _stays(found):
            raise NotFound(f"no volume {volume}")
        return found

    def _path(self, volume: str) -> str:
        return f"{self._claims}/{manifests.claim_name(volume)}"

    def _lock(self, volume: str) -> asyncio.Lock:
        return self._locks.setdefault(volume, asyncio.Lock())

    # -- workshops -----------------------------------------------------------------------------------------------------

    async def _work(self, volume: str, script: str, *words: str, restored: str = "") -> None:
        """Run a script on the whole of a volume. Raises ``EngineFailed`` with its words."""
        try:
            pod = await self._open(volume, restored)
            argv = ("/bin/busybox", "sh", "-c", script, "sh", *words)
            code, said = await self._run(pod, argv)
        finally:
            self._close_later(volume)
        if code:
            raise EngineFailed(f"volume {volume}: the work on it failed ({code})", detail=said)

    async def _open(self, volume: str, restored: str) -> str:
        """The name of its workshop, once that runs."""
        waiting = self._workshops.pop(volume, None)
        if waiting is not None:
            waiting.cancel()
        image, node = await self._image(), self._node(volume)
        pod = manifests.workshop(volume, self._location, image, node, self._owner, restored)
        path = f"{self._pods}/{pod['metadata']['name']}"
        self._workshops[volume] = None
        found = await self._api.get(path)
        if found is not None and not _works(found, node):
            await self._gone(path)
        if found is None or not _works(found, node):
            await self._api.create(self._pods, pod)
            await self._up(path, volume)
        return str(pod["metadata"]["name"])

    async def _up(self, path: str, volume: str) -> None:
        async def up() -> bool:
            found = await self._api.get(path)
            if problem := _hopeless(found):
                raise EngineFailed(f"volume {volume}: {problem}")
            return _runs(found)

        late = EngineFailed(
            f"volume {volume}: the cluster has not given it a disk in {_PATIENCE:g} s",
            hint="`kubectl describe pvc` says what it waits for; a default storage class is needed.",
        )
        await until(up, _PATIENCE, late)

    def _close_later(self, volume: str) -> None:
        loop = asyncio.get_running_loop()
        self._workshops[volume] = loop.call_later(_IDLE, self._tired, volume)

    def _tired(self, volume: str) -> None:
        task = asyncio.ensure_future(self._retire(volume))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _retire(self, volume: str) -> None:
        async with self._lock(volume):  # whoever has it is at a deed, which puts the end off
            timer = self._workshops.get(volume)
            if timer is not None and timer.when() <= asyncio.get_running_loop().time():
                with contextlib.suppress(TfnzError):
                    await self._close(volume)

    async def _close(self, volume: str) -> None:
        timer = self._workshops.pop(volume, None)
        if timer is not None:
            timer.cancel()
        await self._gone(f"{self._pods}/tfnz-workshop-{volume}")

    async def _gone(self, path: str) -> None:
        """Delete a Pod at once; return when it is not there."""
        await self._api.delete(path, grace=0)
        await self._absent(path)

    async def _absent(self, path: str) -> None:
        async def gone() -> bool:
            return await self._api.get(path) is None

        await until(gone, _PATIENCE, EngineFailed(f"the cluster does not let go of {path}"))


def _volume_of(claim: Json) -> str:
    return str(claim["metadata"]["labels"].get(VOLUME, ""))


def _stays(found: Json) -> bool:
    """Whether an object is not on its way out."""
    return "deletionTimestamp" not in found["metadata"]


def _runs(pod: Json | None) -> bool:
    return pod is not None and pod.get("status", {}).get("phase") == "Running"


def _works(pod: Json, node: str) -> bool:
    """Whether a workshop can be used: it runs, will go on to, and is where it must be."""
    return _stays(pod) and _runs(pod) and (not node or pod["spec"].get("nodeName") == node)


def _hopeless(pod: Json | None) -> str:
    """Why a Pod will never run; "" while it may."""
    if pod is None:
        return "its workshop was removed by somebody"
    if pod.get("status", {}).get("phase") in ("Failed", "Succeeded"):
        return "its workshop ended at once"
    for one in pod.get("status", {}).get("containerStatuses") or ():
        waiting = one.get("state", {}).get("waiting") or {}
        if waiting.get("reason") in ("ErrImagePull", "ImagePullBackOff", "InvalidImageName"):
            return f"the cluster cannot pull {one['image']}: {waiting.get('message', '')}"
    return ""


async def _whole(deed: Coroutine[Any, Any, T]) -> T:
    """Done to the end, whatever happens to who waits."""
    task = asyncio.ensure_future(deed)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
