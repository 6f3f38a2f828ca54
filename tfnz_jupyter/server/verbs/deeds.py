"""What all verbs work with, and what each of them is."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from ...engines.base import Engine
from ...wire import messages as m
from ..estate import Estate
from ..images import Images
from ..peer import Peer

#: ``deed(peer, verb, call)`` does one verb.
Deed = Callable[[Peer, Any, int], Coroutine[Any, Any, m.Value]]


@dataclass(frozen=True, slots=True)
class Means:
    """One location's engine, images and holdings; ``claim`` and ``finished`` tell its ledger."""

    engine: Engine
    images: Images
    estate: Estate
    claim: Callable[[Peer, m.Spawn], None]
    finished: Callable[[str], None]
