"""``from tfnz import *``: the programs people have were written so, and run as they are.

The name is only lent: a distribution that is really called so is left alone, and the user is told.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

_NAME = "tfnz"
_MODULES = ("container", "location", "node", "process", "tagging", "tunnel", "volume")


def install() -> None:
    """Make ``tfnz`` importable as another name of this package, unless something else has that name."""
    if isinstance(sys.modules.get(_NAME), _Alias):
        return
    if _NAME in sys.modules or find_spec(_NAME) is not None:
        sys.stderr.write(
            "A package called tfnz is installed: 'from tfnz import *' means that one. Ours is tfnz_jupyter.\n"
        )
        return
    sys.modules[_NAME] = _Alias()
    for name in _MODULES:
        sys.modules[f"{_NAME}.{name}"] = import_module(f"..sdk.{name}", __package__)


class _Alias(ModuleType):
    """A module whose names are this package's."""

    def __init__(self) -> None:
        super().__init__(_NAME, "Another name of tfnz_jupyter.")
        self.__spec__ = ModuleSpec(_NAME, None, is_package=True)
        self.__path__: list[str] = []
        self.__all__ = _package().__all__

    def __getattr__(self, name: str) -> Any:
        return getattr(_package(), name)


def _package() -> ModuleType:
    return import_module("..", __package__)
