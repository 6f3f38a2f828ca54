"""The embedded engine: containers on this machine, by crun, overlayfs and a network namespace of the engine's own.

Two processes share the work. The **location** (``engine.py`` and what it imports) decides, writes files and talks to users.
The **keeper** (``keeper.py``) is pid 1 of its own pid and mount namespaces and the parent of every container: it mounts,
makes networks, starts crun and reaps. It knows nothing of images or users, holds every container's pipes so that nobody
dies of SIGPIPE with a location, and takes everything with it when it ends: killing it is the whole of cleaning up, but for
cgroups and folders, which :mod:`.sweep` clears.

``EmbeddedEngine`` is imported on first use: the keeper and the unpacker are parts of this package too, and must start fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .engine import EmbeddedEngine

__all__ = ["EmbeddedEngine"]


def __getattr__(name: str) -> object:
    if name == "EmbeddedEngine":
        from .engine import EmbeddedEngine

        return EmbeddedEngine
    raise AttributeError(name)
