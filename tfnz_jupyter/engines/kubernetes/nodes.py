"""The cluster's nodes: which there are, how busy each is, and which are lost.

How busy: by the metrics API where the cluster has it; else by what the kubelets themselves say (``nodes/proxy``), where our
account may ask them, which is no right to give lightly (see the manifest); else by what the Pods on a node have reserved.
What the cluster lacks is looked for again from time to time: it may be given later.

A node is lost once the cluster has given it up: nobody has heard of it for the cluster's grace period. One that is only
cordoned, or says itself that it is not ready, keeps its containers and takes no more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from ...errors import EngineFailed, Refused, TfnzError
from ..base import NodeInfo, NodeStats
from . import quantities
from .api import Api, Json
from .watching import Watched

_EVERY = 1.0  # seconds between two samples
_AGAIN = 60.0  # seconds after which what the cluster lacked is looked for again
_METRICS = "/apis/metrics.k8s.io/v1beta1/nodes"
RESERVED = (
    "no metrics API answers: nodes are ranked by what is reserved on them, not by what is used"
)
_log = logging.getLogger(__name__)

#: What each node uses: thousandths of a core, bytes.
Used = dict[str, tuple[float, float]]


class Nodes:
    """All of them.

    Args:
        lost: called with the name of a node that is lost.
        containers: how many of ours run on a node.
    """

    def __init__(
        self, api: Api, lost: Callable[[str], None], containers: Callable[[str], int]
    ) -> None:
        self._api, self._lost, self._containers = api, lost, containers
        self._watched = Watched(api, "/api/v1/nodes", self._changed)
        self._alive: set[str] = set()
        self._used: Used = {}
        self._lacked: dict[Callable[[], Awaitable[Used]], float]  # each better way, and when
        self._lacked = {self._metrics: -_AGAIN, self._summaries: -_AGAIN}
        self._degraded: list[str] = []
        self._sampling: asyncio.Task[None] | None = None
        self._tell: Callable[[tuple[NodeInfo, ...]], None] = lambda nodes: None

    async def open(self, tell: Callable[[tuple[NodeInfo, ...]], None], degraded: list[str]) -> None:
        """Find them, tell of them, and go on telling; ``degraded`` has :data:`RESERVED` while that is so.

        Raises:
            Refused: our account may not see them.
            EngineFailed: there are none.
        """
        await self._watched.open()
        if not self._alive:
            raise EngineFailed("the cluster has no node that is ready")
        self._degraded = degraded
        await self._sample()
        self._tell = tell
        self._sampling = asyncio.create_task(self._go_on())
        tell(self.infos())

    async def close(self) -> None:
        """See nothing more. Idempotent."""
        if self._sampling is not None:
            self._sampling.cancel()
            await asyncio.gather(self._sampling, return_exceptions=True)
        await self._watched.close()

    def __contains__(self, name: str) -> bool:
        return name in self._alive

    def memory(self, name: str) -> int:
        """Bytes of memory that a node has for Pods."""
        return round(_allocatable(self._watched.objects[name], "memory"))

    def infos(self) -> tuple[NodeInfo, ...]:
        """All that are not lost, as last sampled."""
        return tuple(
            NodeInfo(name, name, self._stats(name, self._watched.objects[name]))
            for name in sorted(self._alive)
        )

    # -- which there are -----------------------------------------------------------------------------------------------

    def _changed(self, name: str, node: Json | None) -> None:
        if node is not None and _state(node) != "Unknown":
            came = name not in self._alive
            self._alive.add(name)
        else:
            came = False
            if name in self._alive:
                self._alive.discard(name)
                _log.warning("node %s is lost", name)
                self._lost(name)
                self._tell(self.infos())
        if came:
            self._tell(self.infos())

    # -- how busy they are ---------------------------------------------------------------------------------------------

    async def _go_on(self) -> None:
        while True:
            await asyncio.sleep(_EVERY)
            try:
                await self._sample()
            except TfnzError as problem:
                _log.info("nodes cannot be sampled: %s", problem)
            self._tell(self.infos())

    async def _sample(self) -> None:
        """By the best way that answers now."""
        now = asyncio.get_running_loop().time()
        for way, lacked in self._lacked.items():
            if now < lacked + _AGAIN:
                continue
            try:
                self._used = await way()
                if RESERVED in self._degraded:
                    self._degraded.remove(RESERVED)
                return
            except (LookupError, Refused):
                self._lacked[way] = now
            except EngineFailed as problem:
                _log.info("nodes are sampled otherwise this time: %s", problem)
        self._used = await self._reservations()
        if RESERVED not in self._degraded:
            self._degraded.append(RESERVED)

    async def _metrics(self) -> Used:
        found = await self._api.get(_METRICS)
        if found is None:
            raise LookupError("no metrics API")
        return {
            one["metadata"]["name"]: (
                1000 * quantities.number(one["usage"]["cpu"]),
                quantities.number(one["usage"]["memory"]),
            )
            for one in found["items"]
        }

    async def _summaries(self) -> Used:
        names = sorted(self._alive)
        found = await asyncio.gather(*(self._summary(name) for name in names))
        return dict(zip(names, found, strict=True))

    async def _summary(self, name: str) -> tuple[float, float]:
        """A kubelet that does not answer has its node as it was."""
        try:
            found = await self._api.get(f"/api/v1/nodes/{name}/proxy/stats/summary")
        except EngineFailed:
            return self._used.get(name, (0.0, 0.0))
        node: dict[str, Any] = found["node"] if found else {}
        cpu, memory = node.get("cpu", {}), node.get("memory", {})
        return cpu.get("usageNanoCores", 0) / 1e6, float(memory.get("workingSetBytes", 0))

    async def _reservations(self) -> Used:
        pods = await self._pods()
        used: Used = {}
        for pod in pods:
            if pod["status"].get("phase") in ("Pending", "Running"):
                name = pod["spec"].get("nodeName", "")
                cpu, memory = used.get(name, (0.0, 0.0))
                more = quantities.requests(pod["spec"])
                used[name] = cpu + 1000 * more[0], memory + more[1]
        return used

    async def _pods(self) -> list[Json]:
        """All that our account may see: those of every namespace, or of ours."""
        try:
            return (await self._api.items("/api/v1/pods"))[0]
        except Refused:
            namespace = await self._api.open()
            return (await self._api.items(f"/api/v1/namespaces/{namespace}/pods"))[0]

    def _stats(self, name: str, node: Json) -> NodeStats:
        cpu_total = 1000 * _allocatable(node, "cpu")
        memory_total = _allocatable(node, "memory")
        cpu, memory = self._used.get(name, (0.0, 0.0))
        return NodeStats(
            cpu=max(0, round(cpu_total - cpu)),
            cpu_total=round(cpu_total),
            memory=max(0, round(memory_total - memory)) >> 20,
            memory_total=round(memory_total) >> 20,
            paging=0,
            containers=self._containers(name),
            closed=_state(node) != "True" or bool(node["spec"].get("unschedulable")),
        )


def _state(node: Json) -> str:
    """Of its condition Ready: True, False, or Unknown once the cluster has given it up."""
    conditions = {one["type"]: one["status"] for one in node["status"].get("conditions", ())}
    return str(conditions.get("Ready", "False"))


def _allocatable(node: Json, resource: str) -> float:
    return quantities.number(node["status"]["allocatable"][resource])
