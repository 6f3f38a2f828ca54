"""Volumes as Docker's, one for each snapshot too; copies are made by a container of the toolbox that has both.

A volume lies on the host on which it was made, and a container that has it can be booted there alone. A rollback replaces what
is in it, so live containers see that at once; for an instant some of it is missing.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable, Iterable
from typing import Any
from weakref import WeakValueDictionary

import aiodocker

from ...errors import EngineFailed, NotFound
from ..volumes import Volumes
from . import manifest
from .hosts import BROKEN, Host

_COPY = "find /to -mindepth 1 -maxdepth 1 -exec rm -rf {} + && cp -a /from/. /to/ && echo done"


class DockerVolumes(Volumes):
    """See :class:`~tfnz_jupyter.engines.volumes.Volumes`.

    Args:
        location: the id of ours.
        hosts: those that are there.
        prefer: the host on which a new volume is made.
    """

    def __init__(self, location: str, hosts: Iterable[Host], prefer: Callable[[], Host]) -> None:
        self._location, self._hosts, self._prefer = location, hosts, prefer
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def existing(self) -> set[str]:
        found = await asyncio.gather(*(self._on(host) for host in self._hosts))
        return {one["Labels"][manifest.NAME] for every in found for one in every}

    async def create(self, volume: str) -> None:
        host = self._prefer()
        try:
            for label in (None, ""):
                await self._make(host, volume, label)
        except BaseException as problem:
            await asyncio.shield(self.destroy(volume))
            if isinstance(problem, BROKEN):
                raise host.failed(problem) from problem
            raise

    async def destroy(self, volume: str) -> None:
        for host in self._hosts:
            for one in await self._on(host, volume):
                with contextlib.suppress(NotFound):
                    await self._delete(host, one["Name"])

    async def snapshot(self, volume: str, label: str = "") -> None:
        async with self._lock(volume):
            host, _ = await self._find(volume)
            fresh = self._name(volume, label, "-next")
            await self._make(host, volume, label, fresh)
            try:
                await self._copy(host, self._name(volume, None), fresh)
                await self._make(host, volume, label)
                await self._copy(host, fresh, self._name(volume, label))
            finally:
                await asyncio.shield(self._delete(host, fresh))

    async def rollback(self, volume: str, label: str = "") -> None:
        async with self._lock(volume):
            host, labels = await self._find(volume)
            if label not in labels:
                raise NotFound(f"volume {volume} has no snapshot {label!r}")
            await self._copy(host, self._name(volume, label), self._name(volume, None))

    async def snapshots(self, volume: str) -> list[str]:
        return (await self._find(volume))[1]

    async def mounts(self, host: Host, volumes: Iterable[str]) -> dict[str, str]:
        """Docker's names of volumes, for a container on a host. Raises ``EngineFailed``: one is not there."""
        found = {}
        for volume in volumes:
            try:
                there, _ = await self._find(volume)
            except NotFound as problem:
                raise EngineFailed(problem.message) from problem
            if there is not host:
                raise EngineFailed(
                    f"volume {volume} lies on {there.name}, not on {host.name}",
                    hint=f"Spawn the container on {there.name}.",
                )
            found[volume] = self._name(volume, None)
        return found

    def _lock(self, volume: str) -> asyncio.Lock:
        return self._locks.setdefault(volume, asyncio.Lock())

    async def _find(self, volume: str) -> tuple[Host, list[str]]:
        """Where it is, and its snapshots."""
        for host in self._hosts:
            every = await self._on(host, volume)
            named = {one["Name"]: one["Labels"] for one in every}
            if self._name(volume, None) in named:
                labels = {of[manifest.LABEL] for of in named.values() if manifest.LABEL in of}
                return host, sorted(one for one in labels if self._name(volume, one) in named)
        raise NotFound(f"there is no volume {volume}")

    async def _on(self, host: Host, volume: str = "") -> list[dict[str, Any]]:
        wanted = [f"{manifest.LOCATION}={self._location}"]
        wanted += [f"{manifest.NAME}={volume}"] if volume else []
        try:
            found = await host.docker.volumes.list(filters={"label": wanted})
        except BROKEN as problem:
            raise host.failed(problem) from problem
        return found["Volumes"] or []

    async def _make(self, host: Host, volume: str, label: str | None, name: str = "") -> None:
        labels = {**host.labels, manifest.NAME: volume}
        if label is not None:
            labels[manifest.LABEL] = label
        asked = {"Name": name or self._name(volume, label), "Labels": labels}
        await host.docker.volumes.create(asked)

    async def _delete(self, host: Host, name: str) -> None:
        try:
            await (await host.docker.volumes.get(name)).delete()
        except aiodocker.DockerError as problem:
            if problem.status != 404:
                raise host.failed(problem) from problem

    async def _copy(self, host: Host, source: str, target: str) -> None:
        """Make one hold what another does, and nothing else."""
        mounts = [
            {"Type": "volume", "Source": source, "Target": "/from", "ReadOnly": True},
            {"Type": "volume", "Source": target, "Target": "/to"},
        ]
        argv = ["sh", "-c", _COPY]
        try:
            code, said = await host.do(argv, HostConfig={"Mounts": mounts})
        except BROKEN as problem:
            raise host.failed(problem) from problem
        if code or "done" not in said:
            raise EngineFailed(f"{host.name}: a volume was not copied", detail=said[-500:])

    def _name(self, volume: str, label: str | None, more: str = "") -> str:
        """What Docker calls a volume (None), or its snapshot of a label, which may be any text."""
        if label is None:
            return f"tfnz-{volume}{more}"
        return f"tfnz-{volume}-{hashlib.sha256(label.encode()).hexdigest()[:12]}{more}"
