"""The rows of the notebook's table: what is measured, what a great notebook reaches, what is usual today.

Each file measures some rows and gives them as :class:`Row`; ``notebook.py`` prints them. An anchor is measured in the same run,
by the same probes, on the same machine: the table compares ratios, not machines.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Row:
    """One line of the table. ``figures`` are the numbers behind the words."""

    number: int
    measure: str
    ours: str
    target: str
    anchor: str
    met: bool
    figures: dict[str, float] = field(default_factory=dict)


HEAD = ("#", "measure", "ours", "target", "today's way, in the same run", "met")


def markdown(rows: Sequence[Row]) -> str:
    """The table."""
    lines = [HEAD, tuple("-" * len(head) for head in HEAD)]
    for row in sorted(rows, key=lambda row: row.number):
        met = "yes" if row.met else "**no**"
        lines.append((str(row.number), row.measure, row.ours, row.target, row.anchor, met))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def p95(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=100)[94] if len(values) > 1 else values[0]


def p99(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=100)[98] if len(values) > 1 else values[0]


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms"
