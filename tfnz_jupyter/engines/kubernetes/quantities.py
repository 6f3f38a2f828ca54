"""Kubernetes' numbers with their suffixes, and what a Pod reserves. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]

_SUFFIXES = {"n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3}
_SUFFIXES |= {letter: 1000.0**power for power, letter in enumerate("MGTPE", 2)}
_SUFFIXES |= {f"{letter}i": 1024.0**power for power, letter in enumerate("KMGTPE", 1)}
_QUANTITY = re.compile(r"([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([numkKMGTPE]?i?)")


def number(quantity: str) -> float:
    """``250m`` is 0.25, ``1Gi`` 1,073,741,824. Raises ``ValueError`` for what is none."""
    found = _QUANTITY.fullmatch(quantity)
    if found is None or found[2] not in _SUFFIXES:
        raise ValueError(f"no quantity: {quantity!r}")
    return float(found[1]) * _SUFFIXES[found[2]]


def requests(spec: Json) -> tuple[float, float]:
    """What the scheduler counts for a Pod: cores, bytes."""
    first = [_requests(one) for one in spec.get("initContainers", ())]
    together = [_requests(one) for one in spec.get("containers", ())]
    cpu, memory = _sum(together, 0), _sum(together, 1)
    return max([cpu, *(one[0] for one in first)]), max([memory, *(one[1] for one in first)])


def _requests(container: Json) -> tuple[float, float]:
    found = container.get("resources", {}).get("requests", {})
    return number(found.get("cpu", "0")), number(found.get("memory", "0"))


def _sum(pairs: Sequence[tuple[float, float]], index: int) -> float:
    return sum(pair[index] for pair in pairs)
