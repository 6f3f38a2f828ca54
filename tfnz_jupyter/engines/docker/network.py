"""The network of our containers on one host, and the addresses in it.

Docker lets one choose a container's address only in a network whose range was chosen too; so Docker is asked for a free range
first, and the network is made with that. An address stays its container's over reboots, and is given anew as late as can be.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

import aiodocker

from ...errors import EngineFailed
from . import manifest

if TYPE_CHECKING:
    from .hosts import Host


class Network:
    """See the module's docstring.

    Args:
        host: where it is.
        name: what Docker calls it.
        bridge: the name of its interface on the host.
    """

    def __init__(self, host: Host, name: str, bridge: str) -> None:
        self._host, self.name, self.bridge = host, name, bridge
        self._range = ipaddress.IPv4Network("0.0.0.0/32")
        self._taken: set[str] = set()
        self._last = 0

    async def open(self) -> bool:
        """Find it, where a dead location left it, or make it; whether it is new. Raises ``EngineFailed``."""
        left = await self._found()
        found = left or await self._made()
        config = found["IPAM"]["Config"][0]
        self._range = ipaddress.IPv4Network(config.get("Subnet") or config["subnet"])
        self._taken = {str(self._range.network_address + 1), str(config.get("Gateway", ""))}
        return left is None

    async def _found(self) -> dict[str, Any] | None:
        try:
            return dict(await (await self._host.docker.networks.get(self.name)).show())
        except aiodocker.DockerError as problem:
            if problem.status == 404:
                return None
            raise self._host.failed(problem) from problem

    async def _made(self) -> dict[str, Any]:
        networks = self._host.docker.networks
        labels = self._host.labels
        try:
            asked = await networks.create(manifest.network(self.name, self.bridge, labels))
            subnet = (await asked.show())["IPAM"]["Config"][0]["Subnet"]
            await asked.delete()
            made = await networks.create(manifest.network(self.name, self.bridge, labels, subnet))
            return dict(await made.show())
        except aiodocker.DockerError as problem:
            raise EngineFailed(
                f"{self._host.name}: no network for containers: {problem.message}"
            ) from problem

    def take(self, wanted: str = "") -> str:
        """An address that nobody has; or this one, which a survivor has already."""
        if wanted:
            self._taken.add(wanted)
            return wanted
        count = self._range.num_addresses - 2
        for step in range(count):
            number = (self._last + step) % count + 1
            address = str(self._range.network_address + number)
            if address not in self._taken:
                self._last = number
                self._taken.add(address)
                return address
        raise EngineFailed(f"{self._host.name}: all {count} addresses of containers are taken")

    def free(self, address: str) -> None:
        """Give an address back."""
        self._taken.discard(address)

    async def close(self) -> None:
        """Remove it."""
        try:
            await (await self._host.docker.networks.get(self.name)).delete()
        except aiodocker.DockerError as problem:
            if problem.status != 404:
                raise self._host.failed(problem) from problem
