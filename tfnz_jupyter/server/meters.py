"""What containers use, as numbers that go up and down, and who has been told which. Pure.

An engine counts processor time from the beginning; a rate needs two counts and the time between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..engines.base import Usage

#: Container, thousandths of a core, bytes, processes.
Reading = tuple[str, int, int, int]


@dataclass(frozen=True, slots=True)
class _Count:
    cpu: int  # microseconds
    when: float


class Meters:
    """One for each container that runs."""

    def __init__(self) -> None:
        self._counts: dict[str, _Count] = {}
        self._readings: dict[str, Reading] = {}
        self._told: dict[str, dict[str, Reading]] = {}  # session -> container -> last told

    def take(self, usage: Mapping[str, Usage], now: float) -> None:
        """Take in what all running containers use now."""
        self._readings = {
            name: (name, self._rate(name, use.cpu, now), use.memory, use.processes)
            for name, use in usage.items()
        }
        self._counts = {name: _Count(use.cpu, now) for name, use in usage.items()}

    def news(self, session: str, visible: Iterable[str]) -> list[Reading]:
        """What a session has not been told of the containers it sees; it is told by this."""
        there = [self._readings[name] for name in visible if name in self._readings]
        told = self._told.get(session, {})
        self._told[session] = {reading[0]: reading for reading in there}
        return [reading for reading in there if told.get(reading[0]) != reading]

    def keep(self, sessions: Iterable[str]) -> None:
        """Forget all other sessions."""
        here = set(sessions)
        self._told = {session: told for session, told in self._told.items() if session in here}

    def _rate(self, name: str, cpu: int, now: float) -> int:
        """Thousandths of a core; time that was counted and is lost again (with processes nobody waited for) is none."""
        before = self._counts.get(name)
        if before is None or now <= before.when:
            return 0
        return max(0, round((cpu - before.cpu) / (now - before.when) / 1000))
