"""What all verbs work with, and what each of them is."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from ...engines.base import Engine
from ...errors import TfnzError
from ...wire import messages as m
from ..accounts import Accounts
from ..containers import Container
from ..estate import Estate
from ..gateway import Gateway
from ..images import Library
from ..openings import Openings
from ..peer import Peer
from ..relay import Relay
from ..volumes import Volumes

#: ``deed(peer, verb, call)`` does one verb.
Deed = Callable[[Peer, Any, int], Coroutine[Any, Any, m.Value]]


@runtime_checkable
class Offering(Protocol):
    """A noun whose things are offered to every session of their user."""

    def offer(self, peer: Peer) -> None:
        """Tell a session that has just begun what there is for it."""


@dataclass(frozen=True, slots=True)
class Plate:
    """What an invitation says about the location."""

    location: str
    endpoint: str
    server_key: bytes


@dataclass(frozen=True, slots=True)
class Means:
    """One location's engine, images, holdings and web gateway.

    ``claim`` asks its ledger for what a spawn needs; ``hold`` for what a build needs, for as long as that lasts, and gives a
    node. ``changed`` is told after every change of a container; ``peers`` gives the sessions of a user that are here, and
    ``evict`` ends them all; ``relay`` carries the bytes of tunnels. ``accounts`` says who may come in, ``plate`` how the
    location is found.
    """

    engine: Engine
    images: Library
    estate: Estate
    claim: Callable[[Peer, m.Spawn], None]
    hold: Callable[[Peer, int | None], AbstractContextManager[str]]
    changed: Callable[[Container], None]
    peers: Callable[[str], list[Peer]]
    relay: Relay
    gateway: Gateway
    accounts: Accounts
    plate: Plate
    evict: Callable[[str, TfnzError], None]
    openings: Openings
    volumes: Volumes
