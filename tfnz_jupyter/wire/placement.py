"""Which node is best, with what has been promised and no statistics show yet counted in, so that a burst spreads.

Both ends count: a session its own spawns, from the very moment it asks, the location those of all others. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

#: What a container is taken to use that says nothing of it: thousandths of a core, MiB.
CPU, MEMORY = 1000, 256
#: Seconds from when a container runs until its node's statistics have it in them.
_SHOWN_AFTER = 2.0
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class _Promise:
    node: str
    session: str
    load: int
    until: float | None = None  # None while it does not run yet


class Promises:
    """What containers will use that are on their way, or have only just begun to run."""

    def __init__(self) -> None:
        self._made: dict[str, _Promise] = {}

    def make(
        self, container: str, node: str, cpus: float | None, memory: int | None, session: str = ""
    ) -> None:
        """A container was wished for: its limits are what it may come to use."""
        cpu = CPU if cpus is None else round(cpus * 1000)
        mebibytes = MEMORY if memory is None else memory // _MIB
        self._made[container] = _Promise(node, session, cpu + mebibytes)

    def runs(self, container: str, now: float) -> None:
        """It runs: statistics will show it soon."""
        promise = self._made.get(container)
        if promise is not None and promise.until is None:
            self._made[container] = replace(promise, until=now + _SHOWN_AFTER)

    def over(self, container: str) -> None:
        """It runs no longer, or never did."""
        self._made.pop(container, None)

    def on(self, node: str, now: float, but: str | None = None) -> int:
        """What is to be taken off a node's score; the promises of session ``but`` are left out."""
        self._made = {
            key: made for key, made in self._made.items() if made.until is None or now < made.until
        }
        there = [made for made in self._made.values() if made.node == node]
        return sum(made.load for made in there if but is None or made.session != but)
