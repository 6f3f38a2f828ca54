"""What really runs containers, behind the one interface of ``base``.

Engines are found by entry point (group ``tfnz_jupyter.engines``), so that others can bring their own. Importing this loads
none of them: the embedded engine's keeper lies below it and must start fast.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .base import Engine

GROUP = "tfnz_jupyter.engines"


class Maker(Protocol):
    """What an entry point names: an engine's class, made with a folder for its state and one for its sockets."""

    def __call__(self, state: Path, runtime: Path, /) -> Engine: ...

    def enter(self, runtime: Path) -> None:
        """See :meth:`~tfnz_jupyter.engines.base.Engine.enter`."""


def find(name: str) -> Maker:
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
    engine: Maker = known[name].load()
    return engine
