"""Where a user's images may come from.

The location's own user is on its machine: files, the local Docker and Podman, every registry, the machine's logins.
Others are not: a name of theirs leads to registries on the public internet alone, and to those the operator allows; with
the login they send for that pull, or none.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from ...errors import Refused
from .references import DOCKER_HUB, Name

#: A user's name and password at a registry.
Login = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Rules:
    """``here``: for the location's own user. ``registries``: hosts, with or without a port, that others may use too."""

    here: bool = True
    registries: frozenset[str] = frozenset()

    def trusts(self, name: Name) -> bool:
        """Whether a name's registry may be anywhere."""
        return self.here or bool({name.host, name.hostname} & self.registries)

    def reachable(self, name: Name, addresses: list[str]) -> list[str]:
        """Of the addresses of a name's registry, those that may be connected to.

        Raises:
            Refused: none of them may.
        """
        if self.trusts(name):
            return addresses
        public = [one for one in addresses if is_public(one)]
        if addresses and not public:
            raise Refused(
                f"registry {name.host} is not on the public internet",
                hint=f"The location's operator allows it with: tfnz serve --allow-registry {name.host}",
            )
        return public


def is_public(address: str) -> bool:
    """Whether an address is one of the public internet: not of this machine, its link, a private network or a cloud."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    inner = getattr(found, "ipv4_mapped", None) or getattr(found, "sixtofour", None)
    if inner is not None:
        return is_public(str(inner))
    if found.version == 6 and found in _NAT64:
        return False
    return found.is_global and not found.is_multicast and str(found) not in _CLOUDS


#: Leads to any IPv4 address there is, where a network has such a gateway.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
#: Public addresses that mean something of the machine's own: a cloud's metadata service.
_CLOUDS = ("168.63.129.16",)


def key_of_login(name: Name) -> str:
    """Under what the tools look for a login."""
    return "docker.io" if name.host == DOCKER_HUB else name.host
