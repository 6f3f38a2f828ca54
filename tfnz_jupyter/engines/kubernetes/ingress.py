"""Names that a location publishes, served by the cluster's ingress controller as well as by the location's own gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from .api import Api
from .labels import LOCATION, ROLE, selector
from .manifest_ingress import documents, site_name

Json = dict[str, Any]


class Ingress:
    """The names of one location.

    Args:
        namespace: where everything is.
        location: whose it is.
        owner: whose end is the end of it.
        controller: the ingress class.
    """

    def __init__(
        self, api: Api, namespace: str, location: str, owner: Mapping[str, Any], controller: str
    ) -> None:
        self._api, self._location, self._owner = api, location, owner
        self._controller = controller
        web = f"/apis/networking.k8s.io/v1/namespaces/{namespace}"
        self._paths = {
            "services": f"/api/v1/namespaces/{namespace}/services",
            "endpoints": f"/api/v1/namespaces/{namespace}/endpoints",
            "networkpolicies": f"{web}/networkpolicies",
            "ingresses": f"{web}/ingresses",
        }

    async def serve(self, names: Mapping[str, tuple[Mapping[str, str], int]]) -> None:
        """Serve these names and no other: to the containers behind each, with their addresses, and their port.

        Raises:
            Refused, EngineFailed: the cluster does not take it.
        """
        wanted = {site_name(self._location, fqdn) for fqdn in names}
        await asyncio.gather(*(self._put(fqdn, *behind) for fqdn, behind in names.items()))
        found, _version = await self._api.items(
            self._paths["services"], selector({LOCATION: self._location, ROLE: "site"})
        )
        gone = {one["metadata"]["name"] for one in found} - wanted
        await asyncio.gather(*map(self._remove, gone))

    async def _put(self, fqdn: str, behind: Mapping[str, str], port: int) -> None:
        for kind, body in documents(self._location, fqdn, behind, port, self._controller).items():
            body["metadata"] = {**body["metadata"], "ownerReferences": [dict(self._owner)]}
            if await self._api.create(self._paths[kind], body) is None:
                await self._api.patch(f"{self._paths[kind]}/{body['metadata']['name']}", body)

    async def _remove(self, name: str) -> None:
        for path in reversed(self._paths.values()):
            await self._api.delete(f"{path}/{name}")
