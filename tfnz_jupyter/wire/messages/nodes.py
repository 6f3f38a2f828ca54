"""The nodes of a location, as last sampled."""

from __future__ import annotations

from typing import ClassVar

from .base import Said


class NodeState(Said, frozen=True, tag="node-state"):
    """One node as last sampled; units as in ``engines.base.NodeStats``."""

    id: str
    name: str
    cpu: int
    cpu_total: int
    memory: int
    memory_total: int
    paging: int
    containers: int
    score: int
    from_client: ClassVar[bool] = False


class NodesChanged(Said, frozen=True, tag="nodes-changed"):
    """All nodes there are, best first."""

    nodes: list[NodeState]
    from_client: ClassVar[bool] = False


class EngineLacks(Said, frozen=True, tag="engine-lacks"):
    """What the engine cannot give, as in ``Welcome``, is known to be otherwise now."""

    degraded: list[str]
    from_client: ClassVar[bool] = False


class Offered(Said, frozen=True, tag="offered"):
    """Everything there is to offer has been told: nodes, volumes, externals, endpoints. Only changes follow."""

    from_client: ClassVar[bool] = False
