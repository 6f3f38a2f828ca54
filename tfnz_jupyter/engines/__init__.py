"""What really runs containers, behind the one interface of ``base``.

Engines are found by entry point (group ``tfnz_jupyter.engines``), so that others can bring their own. Importing this loads
none of them: the embedded engine's keeper lies below it and must start fast.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .base import Engine

GROUP = "tfnz_jupyter.engines"


def find(name: str) -> Callable[[Path, Path], Engine]:
    """The engine of that name: call it with a folder for its state and one for its sockets, both private.

    Raises:
        NotFound: nobody brings one; the hint lists those there are.
    """
    from importlib.metadata import entry_points

    from ..errors import NotFound

    known = {point.name: point for point in entry_points(group=GROUP)}
    if name not in known:
        listed = ", ".join(sorted(known)) or "none; install the package with pip"
        raise NotFound(f"no engine {name!r}", hint=f"There are: {listed}.")
    engine: Callable[[Path, Path], Engine] = known[name].load()
    return engine
