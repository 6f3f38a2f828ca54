"""Names and values that a line gives, or leaves to the environment it is said in."""

from __future__ import annotations

import os
from collections.abc import Iterable

from ..errors import UsageError


def filled(given: Iterable[tuple[str, str | None]], option: str) -> dict[str, str]:
    """Each with its value, its own or the one it has here.

    Raises:
        UsageError: one has none here either.
    """
    found = {}
    for name, value in given:
        if value is None and name not in os.environ:
            hint = f"Give one: {option} {name}=..."
            raise UsageError(f"{option} {name}: it has no value here", hint=hint)
        found[name] = os.environ[name] if value is None else value
    return found
