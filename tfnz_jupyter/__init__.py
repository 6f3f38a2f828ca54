"""Containers as live Python objects in a notebook.

    from tfnz_jupyter import *

    loc = location.Location()
    ctr = loc.node().spawn_container('nginx')
    ctr.attach_tunnel(80, localport=8080)
    loc.run()

In a notebook, ``%load_ext tfnz_jupyter`` and then ``%tf``. Importing this opens nothing and loads nothing: each name below
comes when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .components import Postgresql, Redis, Service
    from .errors import (
        CommandFailed,
        ContainerEnded,
        Ended,
        EngineFailed,
        FileFailed,
        ImageNotFound,
        NoSuchFile,
        NotFound,
        NotSupported,
        ProtocolError,
        Refused,
        SessionEnded,
        TfnzError,
        TimedOut,
        Unreachable,
        UsageError,
        WrongCall,
    )
    from .sdk import container, endpoint, location, node, process, tagging, tunnel, volume
    from .sdk.container import Container
    from .sdk.endpoint import Cluster, WebEndpoint
    from .sdk.external import ExternalContainer
    from .sdk.location import Location
    from .sdk.node import Node
    from .sdk.process import Process
    from .sdk.ssh import SshServer
    from .sdk.tagging import Taggable, TaggedCollection
    from .sdk.tunnel import Tunnel
    from .sdk.volume import Volume

__version__ = "0.1.0"

__all__ = [
    "Cluster",
    "CommandFailed",
    "Container",
    "ContainerEnded",
    "Ended",
    "EngineFailed",
    "ExternalContainer",
    "FileFailed",
    "ImageNotFound",
    "Location",
    "NoSuchFile",
    "Node",
    "NotFound",
    "NotSupported",
    "Postgresql",
    "Process",
    "ProtocolError",
    "Redis",
    "Refused",
    "Service",
    "SessionEnded",
    "SshServer",
    "Taggable",
    "TaggedCollection",
    "TfnzError",
    "TimedOut",
    "Tunnel",
    "Unreachable",
    "UsageError",
    "Volume",
    "WebEndpoint",
    "WrongCall",
    "container",
    "endpoint",
    "location",
    "node",
    "process",
    "tagging",
    "tunnel",
    "volume",
]

_CLASSES = {
    "Cluster": "endpoint",
    "Container": "container",
    "ExternalContainer": "external",
    "Location": "location",
    "Node": "node",
    "Process": "process",
    "SshServer": "ssh",
    "Taggable": "tagging",
    "TaggedCollection": "tagging",
    "Tunnel": "tunnel",
    "Volume": "volume",
    "WebEndpoint": "endpoint",
}
_COMPONENTS = {"Postgresql", "Redis", "Service"}
_MODULES = {"container", "endpoint", "location", "node", "process", "tagging", "tunnel", "volume"}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f".sdk.{name}", __name__)
    if name in _CLASSES:
        return getattr(importlib.import_module(f".sdk.{_CLASSES[name]}", __name__), name)
    if name in _COMPONENTS:
        return getattr(importlib.import_module(".components", __name__), name)
    if name in __all__:
        return getattr(importlib.import_module(".errors", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def load_ipython_extension(ip: Any) -> None:
    """``%load_ext tfnz_jupyter``: the magics, the views, and ``from tfnz import *``."""
    from . import notebook

    notebook.load(ip)


def unload_ipython_extension(ip: Any) -> None:
    """``%unload_ext tfnz_jupyter``: take back the magics and the views."""
    from . import notebook

    notebook.unload(ip)
