"""Whose end is the end of everything: what a location makes in a cluster is collected even if it never comes back.

Kubernetes collects what is owned when its owner goes, but nothing goes by itself, and a Pod's ``activeDeadlineSeconds`` can
only be lowered. So one object, the *anchor* (a ConfigMap), owns all the others; it is owned by the Pod of a *lease*, a Job
with a deadline. That Pod costs nothing: it asks for a scheduler that does not exist, so no node ever has it and no drain
reaches it. Before a lease runs out, a new one takes its place. Where nobody renews it, the cluster's Job controller removes
the Pod at the deadline, its garbage collector the anchor, and then all the rest; the lease goes too, for its own Pod owns it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from pathlib import Path
from typing import Any

from ...errors import EngineFailed, TfnzError
from . import manifests
from .api import Api, Json, pause
from .labels import LOCATION, ROLE, selector
from .until import until

_PROMPT = 20.0  # seconds in which the cluster's controllers answer
_log = logging.getLogger(__name__)


class Lease:
    """One location's.

    Args:
        namespace: where all of it is.
        location: its id.
        deadline: seconds after the last renewal at which everything is collected.
    """

    def __init__(self, api: Api, namespace: str, location: str, deadline: float) -> None:
        self._api, self._location, self._deadline = api, location, max(1, round(deadline))
        self._jobs = f"/apis/batch/v1/namespaces/{namespace}/jobs"
        self._pods = f"/api/v1/namespaces/{namespace}/pods"
        self._anchors = f"/api/v1/namespaces/{namespace}/configmaps"
        self._anchor = manifests.anchor(location)
        self._keeping: asyncio.Task[None] | None = None
        #: The ownerReference of all that is to be collected: the anchor's, as it is now.
        self.owner: Json = {}

    async def open(self) -> None:
        """Have everything owned, what an earlier location left included, and renew the lease from then on."""
        await self._renew()
        self._keeping = asyncio.create_task(self._keep())

    async def rest(self) -> None:
        """Renew it no more. Idempotent."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)

    async def give_up(self) -> None:
        """Let everything be collected that is not gone yet."""
        await self.rest()
        await self._api.delete(f"{self._anchors}/{self._name}")
        leases = await self._leases()
        await asyncio.gather(*(self._api.delete(f"{self._jobs}/{lease}") for lease in leases))
        for pod in [pod for lease in leases for pod in await self._pods_of(lease)]:
            await self._api.delete(f"{self._pods}/{pod['metadata']['name']}", grace=0)

    @property
    def _name(self) -> str:
        return str(self._anchor["metadata"]["name"])

    async def _keep(self) -> None:
        """Renew at a third of the deadline; where that fails, soon again."""
        failures = 0
        while True:
            await asyncio.sleep(pause(failures) if failures else self._deadline / 3)
            try:
                await self._renew()
                failures = 0
            except TfnzError as problem:
                failures += 1
                _log.warning("the lease %s cannot be renewed: %s", self._name, problem)

    async def _renew(self) -> None:
        made = await self._api.create(self._jobs, manifests.lease(self._location, self._deadline))
        assert made is not None  # the cluster gave it a name of its own
        name = made["metadata"]["name"]
        owner = await self._own_pod(name)
        await self._api.patch(f"{self._jobs}/{name}", manifests.owned_by(owner))
        await self._hang(owner)
        for former in set(await self._leases()) - {name}:
            await self._api.delete(f"{self._jobs}/{former}")

    async def _hang(self, owner: Json) -> None:
        """Have the anchor owned by the present lease's Pod; there is a new one where it has been collected."""
        wanted = manifests.owned_by(owner)
        path = f"{self._anchors}/{self._name}"
        found = await self._api.patch(path, wanted)
        while found is None:
            metadata = self._anchor["metadata"] | wanted["metadata"]
            await self._api.create(self._anchors, self._anchor | {"metadata": metadata})
            found = await self._api.get(path)
        self.owner.update(manifests.reference(found, "v1", "ConfigMap"))

    async def _own_pod(self, job: str) -> Json:
        """A reference to the Pod that the cluster has made for a lease."""
        found: list[Json] = []

        async def made() -> bool:
            found[:] = await self._pods_of(job)
            return bool(found)

        late = EngineFailed(
            f"the cluster makes no Pod for the Job {job}, on which collection depends",
            hint=f"`kubectl describe job {job}` says why: a quota, perhaps, or its controller is gone.",
        )
        await until(made, _PROMPT, late)
        return manifests.reference(found[0], "v1", "Pod")

    async def _pods_of(self, job: str) -> list[Json]:
        return (await self._api.items(self._pods, selector({"job-name": job})))[0]

    async def _leases(self) -> list[str]:
        chosen: dict[str, Any] = {LOCATION: self._location, ROLE: "lease"}
        found, _version = await self._api.items(self._jobs, selector(chosen))
        return [str(one["metadata"]["name"]) for one in found]


def location_id(file: Path) -> str:
    """What tells a location from others; made at its first start."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError), file.open("x") as new:
        new.write(secrets.token_hex(5))
    return file.read_text("utf-8")
