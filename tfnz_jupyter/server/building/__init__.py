"""Images from Dockerfiles, on any engine that lends a workshop.

Each step runs in a container like any other: with its user namespace, system call filter and limits, its way out and the
refusal of everybody else. There is nothing in it that a container could not see, signal or reach, because it is one. What it
wrote becomes a layer, its container goes. (Why not buildah: in ``chroot`` isolation a step shares processes and network with
the builder, and any other isolation wants mounts and namespaces that no container of ours may make.) Copies go from
container to container too: the context lies in one that runs nothing, so that no name or link in it means a file of this
machine.

``instructions`` is pure: what an instruction makes of a draft. ``rooms`` are the containers. ``build`` is one build.
"""

from __future__ import annotations

from .build import Build, Wish
from .rooms import Log, Site

__all__ = ["Build", "Log", "Site", "Wish"]
