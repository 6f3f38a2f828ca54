"""Snapshots that the cluster makes: ``VolumeSnapshot``, where the driver of a claim's storage class has a class for them.

One is of a moment, also while containers write, and takes the room that the driver takes for it. It is owned by its claim, and
is gone with that. Which label it has is noted at the claim, once it is ready.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from typing import Any

from ...errors import EngineFailed, Refused
from . import manifest_volumes as manifests
from .api import Api
from .manifests import reference
from .until import until

_log = logging.getLogger(__name__)

Json = dict[str, Any]

_GROUP = "/apis/snapshot.storage.k8s.io/v1"
_CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
_DEFAULT = "snapshot.storage.kubernetes.io/is-default-class"
_PATIENCE = 180.0  # seconds for a driver to make one
_HOPE = 10.0  # seconds for which an error may pass by itself: drivers try again


class ClusterSnapshots:
    """Of the claims in one namespace."""

    def __init__(self, api: Api, namespace: str) -> None:
        self._api = api
        self._path = f"{_GROUP}/namespaces/{namespace}/volumesnapshots"

    async def kind(self, claim: Json) -> str:
        """The ``VolumeSnapshotClass`` for a claim; "" where there is none, or our account may not see that."""
        storage = claim["spec"].get("storageClassName")
        if not storage:
            return ""
        try:
            found, classes = await asyncio.gather(
                self._api.get(f"{_CLASSES}/{storage}"),
                self._api.get(f"{_GROUP}/volumesnapshotclasses"),
            )
        except Refused as problem:
            _log.info("snapshots are copies: %s", problem)
            return ""
        if found is None or classes is None:
            return ""
        fitting = [one for one in classes["items"] if one["driver"] == found["provisioner"]]
        fitting.sort(key=lambda one: not _is_default(one))
        return str(fitting[0]["metadata"]["name"]) if fitting else ""

    async def make(self, volume: str, claim: Json, kind: str) -> str:
        """Make one of a claim as it is now; its name, once it is ready.

        Raises:
            EngineFailed: it never will be; the driver's words. Nothing is left of it.
            Refused: our account may not.
        """
        name = f"{manifests.claim_name(volume)}-{secrets.token_hex(4)}"
        owner = reference(claim, "v1", "PersistentVolumeClaim")
        wish = manifests.snapshot(name, claim, kind, owner)
        if await self._api.create(self._path, wish) is None:
            raise EngineFailed(f"the cluster has a VolumeSnapshot {name} already")
        try:
            await self._ready(volume, name)
        except BaseException:
            await asyncio.shield(self.drop(name))
            raise
        return name

    async def drop(self, name: str) -> None:
        """Remove one; does nothing where it is not there."""
        await self._api.delete(f"{self._path}/{name}")

    async def _ready(self, volume: str, name: str) -> None:
        loop = asyncio.get_running_loop()
        failing: float | None = None

        async def ready() -> bool:
            nonlocal failing
            found = await self._api.get(f"{self._path}/{name}")
            if found is None:
                raise EngineFailed(f"volume {volume}: its snapshot was removed by somebody")
            state = found.get("status") or {}
            if state.get("readyToUse"):
                return True
            problem = (state.get("error") or {}).get("message", "")
            failing = (failing or loop.time()) if problem else None
            if failing is not None and loop.time() >= failing + _HOPE:
                raise EngineFailed(f"volume {volume}: the cluster makes no snapshot: {problem}")
            return False

        late = EngineFailed(
            f"volume {volume}: the cluster has not made a snapshot in {_PATIENCE:g} s",
            hint="`kubectl describe volumesnapshot` says what it waits for.",
        )
        await until(ready, _PATIENCE, late)


def _is_default(found: Json) -> bool:
    return (found["metadata"].get("annotations") or {}).get(_DEFAULT) == "true"
