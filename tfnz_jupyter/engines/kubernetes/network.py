"""Who reaches whom in the cluster: NetworkPolicies made and taken back, and whether the cluster heeds them.

Objects alone say nothing: without a network plugin that enforces them, every Pod reaches every other. So that is found out
by trying (``enforcement``), and what is found is told to whoever connects.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from . import manifest_policies as policies
from .api import Api
from .labels import CLIENT, LOCATION, SERVER, selector

Json = dict[str, Any]
#: What makes an object go with another: an ownerReference.
Owner = Mapping[str, Any]


class Network:
    """The policies of one location.

    Args:
        namespace: where its Pods are.
        location: its id.
        owner: whose end is the end of the policies that all containers share.
    """

    def __init__(self, api: Api, namespace: str, location: str, owner: Owner) -> None:
        self._api, self._owner = api, owner
        self._labels = {LOCATION: location}
        self._path = f"/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies"
        self._location = location
        self._open: set[tuple[str, str]] = set()
        self._changing = asyncio.Lock()

    async def open(self) -> None:
        """Refuse everything that is not allowed, before there is any container."""
        every = policies.base(self._location)
        await asyncio.gather(*(self._create(policy, self._owner) for policy in every))
        found, _version = await self._api.items(self._path, selector(self._labels))
        for one in (item["metadata"]["labels"] for item in found):
            if SERVER in one:
                self._open.add((one[SERVER], one[CLIENT]))

    async def admit(self, container: str, egress: str | tuple[str, ...], pod: Owner) -> None:
        """Give a container the networks it may reach; where it has a word, its label says all."""
        if not isinstance(egress, str):
            await self._create(policies.networks(container, egress, self._labels), pod)

    async def allow(self, server: str, client: str, pods: tuple[Owner, Owner]) -> None:
        """Let a container reach another; ``pods`` are the server's and the client's. Idempotent."""
        async with self._changing:
            if (server, client) in self._open:
                return
            both = policies.opening(server, client, self._labels)
            self._open.add((server, client))
            try:
                await asyncio.gather(*map(self._create, both, pods))
            except BaseException:
                await self._close(server, client)
                raise

    async def disallow(self, server: str, client: str) -> None:
        """Take that back. Idempotent."""
        async with self._changing:
            if (server, client) in self._open:
                await self._close(server, client)

    async def forget(self, container: str) -> None:
        """Take back what concerned a container that is over; its own policies go with its Pod."""
        pairs = [pair for pair in self._open if container in pair]
        await asyncio.gather(*(self.disallow(*pair) for pair in pairs))

    async def close(self) -> None:
        """Leave nothing."""
        await self._api.delete(self._path, selector(self._labels))
        self._open.clear()

    async def _close(self, server: str, client: str) -> None:
        both = policies.opening(server, client, self._labels)
        names = [policy["metadata"]["name"] for policy in both]
        await asyncio.gather(*(self._api.delete(f"{self._path}/{name}") for name in names))
        self._open.discard((server, client))

    async def _create(self, policy: Json, owner: Owner) -> None:
        policy["metadata"]["ownerReferences"] = [dict(owner)]
        await self._api.create(self._path, policy)
