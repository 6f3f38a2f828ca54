"""Which user namespace this is: the machine's own, or one in which an ordinary user's engine is root.

In the latter, 0 is that user and 1 to 65,536 are subordinate ids of theirs, which containers' users are mapped to.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_EVERYBODY = 4294967295


@dataclass(frozen=True, slots=True)
class Span:
    """A line of uid_map: ``count`` ids from ``inside`` on are ``outside`` and following in the parent namespace."""

    inside: int
    outside: int
    count: int

    def holds(self, first: int, count: int) -> bool:
        return self.inside <= first and first + count <= self.inside + self.count


def parse(text: str) -> list[Span]:
    """The lines of a uid_map."""
    return [Span(*map(int, line.split())) for line in text.splitlines()]


def is_whole(spans: list[Span]) -> bool:
    """Whether everybody is who they are: the machine's own namespace."""
    return spans == [Span(0, 0, _EVERYBODY)]


def whole() -> bool:
    """Whether this process is in the machine's own user namespace."""
    return is_whole(parse(Path("/proc/self/uid_map").read_text()))


def holds(first: int, count: int) -> bool:
    """Whether so many users and groups from an id on exist in this process's namespace."""
    return all(
        any(span.holds(first, count) for span in parse(Path(f"/proc/self/{name}").read_text()))
        for name in ("uid_map", "gid_map")
    )
