"""Objects of the SDK with nothing behind them: a test says what they are and changes it. For the pure tier alone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tfnz_jupyter.sdk.container import Container
from tfnz_jupyter.sdk.handle import Handle, new_id
from tfnz_jupyter.sdk.lines import LineRing
from tfnz_jupyter.sdk.location import Location
from tfnz_jupyter.sdk.node import Node, Stats
from tfnz_jupyter.sdk.tagging import TaggedCollection
from tfnz_jupyter.sdk.tunnel import Tunnel
from tfnz_jupyter.wire.placement import Promises


class StagedLocation(Location):
    """A location of one node."""

    def __init__(self, *nodes: str) -> None:
        Handle.__init__(self, new_id())
        self.location, self.log_path = "embedded", "/run/location.log"
        self.containers: dict[str, Container] = {}
        self._why = None
        self.endpoints, self.externals, self.volumes = {}, TaggedCollection(), TaggedCollection()
        self.nodes = {}
        self._promises = Promises()
        for name in nodes or ("node-a",):
            node = StagedNode(name, self)
            self.nodes[node.uuid] = node

    def end(self, why: Exception) -> None:
        """The session is over."""
        self._why = why  # type: ignore[assignment]
        self._changed()

    def spawn(self, name: str, **facts: Any) -> StagedContainer:
        """One more container."""
        container = StagedContainer(name, next(iter(self.nodes.values())), **facts)
        self.containers[container.uuid] = container
        self._changed()
        return container


class StagedNode(Node):
    def __init__(self, name: str, location: StagedLocation) -> None:
        Handle.__init__(self, new_id())
        self.name, self._location = name, location
        self.sample(1500, 4096)

    def sample(self, cpu: int, memory: int, paging: int = 0) -> None:
        """A new sample of it: idle thousandths of two cores, free MiB of 8 GiB."""
        score = cpu + memory - 10 * paging
        self.stats = Stats(cpu, 2000, memory, 8192, paging, 0, score)
        self._changed()
        self._location._changed()


class StagedContainer(Container):
    """``turn(state=..., ip=...)`` changes what it is and tells who watches."""

    _facts = (
        "state",
        "progress",
        "ip",
        "returncode",
        "reason",
        "image_source",
        "started_at",
        "ended_at",
        "stats",
    )
    log = None  # type: ignore[assignment]
    tunnels = None  # type: ignore[assignment]
    ssh_servers = ()  # type: ignore[assignment]
    volumes = ()  # type: ignore[assignment]

    def __init__(self, name: str, node: StagedNode, **facts: Any) -> None:
        Handle.__init__(self, new_id())
        self.name, self.image, self._node = name, facts.pop("image", "nginx"), node
        self.command, self.env = facts.pop("command", None), facts.pop("env", [])
        self.limits = {"memory": None, "cpus": None, "pids": None}
        self.log, self.tunnels = LineRing(), []
        self.now = SimpleNamespace(**dict.fromkeys(self._facts))
        self.now.state, self.now.reason, self.now.image_source = "preparing", "", ""
        self.turn(**facts)

    def turn(self, **facts: Any) -> None:
        vars(self.now).update(facts)
        self._changed()
        self._node.parent()._changed()

    def tunnel(self, port: int, local: int, bind: str = "127.0.0.1") -> Tunnel:
        """Give it a tunnel."""
        tunnel = Tunnel(new_id(), self, port, bind, local)
        self.tunnels.append(tunnel)
        self._changed()
        return tunnel

    def end(self, code: int | None = 0, reason: str = "exited with code 0") -> None:
        self.log.close()
        self.turn(state="ended", returncode=code, reason=reason)


def _fact(name: str) -> property:
    return property(lambda self: getattr(self.now, name))


for _name in StagedContainer._facts:
    setattr(StagedContainer, _name, _fact(_name))
