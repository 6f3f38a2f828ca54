"""Who may reach whom: what the firewall's sets hold, kept by container. Used by the keeper alone.

What a container may do outside is settled when it gets its address; openings between containers come and go. An address
is forgotten, with all that was ever granted to it or of it, before it can be given to somebody else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network

from .nfnetlink import Change

Egress = str | list[str]  # as engines.base.ContainerSpec has it
Apply = Callable[[Sequence[Change]], None]


def egress_changes(ip: IPv4Address, egress: Egress) -> list[Change]:
    """What lets ``ip`` reach what it was given, and nothing where it was given nothing."""
    if egress == "none":
        return []
    own = ip.packed
    found = [Change("resolving", own)]
    if isinstance(egress, list):
        return found + [_granted(own, IPv4Network(text)) for text in egress]
    return [*found, Change("unbounded" if egress == "all" else egress, own)]


def _granted(own: bytes, network: IPv4Network) -> Change:
    first, last = network.network_address.packed, network.broadcast_address.packed
    return Change("granted", own + first, own + last)


def opening(client: IPv4Address, server: IPv4Address) -> Change:
    """What lets ``client`` begin conversations with ``server``."""
    return Change("allow", client.packed + server.packed)


class Policy:
    """What has been granted. ``apply`` makes changes to the firewall's sets, all of them or none."""

    def __init__(self, apply: Apply) -> None:
        self._apply = apply
        self._egress: dict[IPv4Address, list[Change]] = {}
        self._openings: dict[tuple[IPv4Address, IPv4Address], Change] = {}

    def admit(self, ip: IPv4Address, egress: Egress) -> None:
        """Give a new container its way out."""
        changes = egress_changes(ip, egress)
        self._apply(changes)
        self._egress[ip] = changes

    def allow(self, client: IPv4Address, server: IPv4Address) -> None:
        """Let ``client`` reach ``server``. Idempotent."""
        if (client, server) not in self._openings:
            change = opening(client, server)
            self._apply([change])
            self._openings[client, server] = change

    def disallow(self, client: IPv4Address, server: IPv4Address) -> None:
        """Take that back; conversations under way stop. Idempotent."""
        change = self._openings.get((client, server))
        if change is not None:
            self._apply([_undone(change)])
            del self._openings[client, server]

    def forget(self, ip: IPv4Address) -> None:
        """Take back all that concerns an address. Idempotent."""
        pairs = [pair for pair in self._openings if ip in pair]
        changes = [*self._egress.get(ip, ()), *(self._openings[pair] for pair in pairs)]
        self._apply([_undone(change) for change in changes])
        self._egress.pop(ip, None)
        for pair in pairs:
            del self._openings[pair]


def _undone(change: Change) -> Change:
    return Change(change.set, change.key, change.end, put_in=not change.put_in)
