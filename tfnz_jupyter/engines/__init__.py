"""What really runs containers, behind the one interface of ``base``.

Ours are named here; others bring their own by an entry point (group ``tfnz_jupyter.engines``). Importing this loads none of
them: the embedded engine's keeper lies below it and must start fast, and the others need extras.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .base import Engine
    from .options import Options

GROUP = "tfnz_jupyter.engines"
OURS = {
    "embedded": "EmbeddedEngine",
    "docker": "DockerEngine",
    "kubernetes": "KubernetesEngine",
}


class Maker(Protocol):
    """What an entry point names: an engine's class, made with a folder for its state, one for its sockets, and its options.

    Options are checked by the engine: ``UsageError`` names one that it does not have, or a value that says nothing.
    """

    def __call__(self, state: Path, runtime: Path, options: Options, /) -> Engine: ...

    def enter(self, runtime: Path) -> None:
        """See :meth:`~tfnz_jupyter.engines.base.Engine.enter`."""


def find(name: str) -> Maker:
    """The engine of that name: call it with a folder for its state and one for its sockets, both private, and its options.

    Raises:
        NotFound: nobody brings one; the hint lists those there are.
        NotSupported: it needs a package that is not installed.
    """
    if name in OURS:
        return _ours(name)
    from importlib.metadata import entry_points

    from ..errors import NotFound

    known = {point.name: point for point in entry_points(group=GROUP)}
    if name not in known:
        listed = ", ".join(sorted({*known, *OURS}))
        raise NotFound(f"no engine {name!r}", hint=f"There are: {listed}.")
    engine: Maker = known[name].load()
    return engine


def _ours(name: str) -> Maker:
    try:
        engine: Maker = getattr(import_module(f".{name}", __package__), OURS[name])
    except ModuleNotFoundError as problem:
        from ..errors import NotSupported

        raise NotSupported(
            f"the {name} engine needs {problem.name}, which is not installed",
            hint=f"pip install 'tfnz_jupyter[{name}]'",
        ) from problem
    return engine
