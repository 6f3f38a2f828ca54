"""Whether the cluster heeds NetworkPolicies, found out by trying: a cluster takes them in any case, and may do nothing."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ...errors import EngineFailed, TfnzError
from . import manifest_probe as manifests
from .api import Api
from .until import until

_log = logging.getLogger(__name__)

Json = dict[str, Any]

UNKNOWN = "whether this cluster keeps containers apart is still being found out"
OPEN = (
    "this cluster does not enforce NetworkPolicy: containers reach each other and whatever their Pods reach, "
    "whatever egress= and allow_connection_from say"
)
UNTRIED = "whether this cluster keeps containers apart could not be found out"
_PATIENCE = 100.0  # seconds for a Pod to be there, or to have ended


class Enforcement:
    """Of one namespace.

    Args:
        namespace: where Pods are.
        location: whose policies it is about; they are there already.
        owner: whose end is the end of the Pods that try.
        image: one with a static /bin/busybox.
    """

    def __init__(
        self, api: Api, namespace: str, location: str, owner: Mapping[str, Any],
        image: Callable[[], Awaitable[str]],
    ) -> None:  # fmt: skip
        self._api, self._location, self._owner, self._image = api, location, owner, image
        self._pods = f"/api/v1/namespaces/{namespace}/pods"

    async def tell(self, degraded: list[str]) -> None:
        """Have ``degraded`` say how it is: that it is being found out, and then what was found, if that is no good."""
        degraded.append(UNKNOWN)
        try:
            found = "" if await self.holds() else OPEN
        except TfnzError as problem:
            _log.warning("%s: %s", UNTRIED, problem)
            found = UNTRIED
        degraded[:] = filter(None, [found if one == UNKNOWN else one for one in degraded])

    async def holds(self) -> bool:
        """Whether a container is kept from another.

        Raises:
            EngineFailed: it cannot be tried.
        """
        image = await self._image()
        names = [f"tfnz-{self._location}-{name}" for name in ("listens", "knocks")]
        try:
            await self._fresh(manifests.listener(self._location, image, self._owner))
            address = (await self._once(names[0], _ready))["status"]["podIP"]
            await self._fresh(manifests.knocker(self._location, image, self._owner, address))
            return _code(await self._once(names[1], _ended)) == manifests.REFUSED
        finally:
            for name in names:
                await self._api.delete(f"{self._pods}/{name}", grace=0)

    async def _fresh(self, pod: Json) -> None:
        """Make a Pod, in place of one that a killed location has left."""
        path = f"{self._pods}/{pod['metadata']['name']}"

        async def made() -> bool:
            if await self._api.create(self._pods, pod) is not None:
                return True
            await self._api.delete(path, grace=0)
            return False

        await until(made, _PATIENCE, EngineFailed(f"the cluster does not let go of {path}"))

    async def _once(self, name: str, so: Callable[[Json], bool]) -> Json:
        """A Pod, when it is so."""
        found: Json = {}

        async def look() -> bool:
            found.update(await self._api.get(f"{self._pods}/{name}") or {})
            return bool(found) and so(found)

        await until(look, _PATIENCE, EngineFailed(f"the Pod {name} was not run in {_PATIENCE:g} s"))
        return found


def _ready(pod: Json) -> bool:
    conditions = {one["type"]: one["status"] for one in pod["status"].get("conditions", ())}
    return conditions.get("Ready") == "True"


def _ended(pod: Json) -> bool:
    return pod["status"].get("phase") in ("Succeeded", "Failed")


def _code(pod: Json) -> int:
    """The exit code of one that has ended. Raises ``EngineFailed`` where it was ended."""
    states = pod["status"].get("containerStatuses") or [{}]
    code = states[0].get("state", {}).get("terminated", {}).get("exitCode")
    if code not in (0, manifests.REFUSED):
        raise EngineFailed(
            f"the Pod {pod['metadata']['name']} ended otherwise than it was to ({code})"
        )
    return int(code)
