"""The Kubernetes engine as a location sees it: Pods for containers, and one watch that tells how they are.

Whatever a location makes in the cluster carries its id, which is kept in its folder, and is owned by its lease: a location
that comes back finds what is its own, and of one that never comes back all is collected.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import signal
import socket
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from ...errors import ContainerEnded, EngineFailed, TfnzError, UsageError
from .. import beside, places
from .. import options as words
from ..background import Background
from ..base import (
    Behind,
    Booted,
    ContainerSpec,
    Engine,
    Exit,
    ImageInfo,
    Layer,
    NodeInfo,
    ProcessSpec,
    Report,
    Running,
    Survivor,
    Usage,
)
from ..files import Files
from ..options import Options
from ..threads import to_the_end
from . import credentials, limits, manifests, streams
from .api import Api, Json, pause
from .enforcement import Enforcement
from .images import Images
from .ingress import Ingress
from .labels import CONTAINER, LOCATION
from .lease import Lease, location_id
from .manifest_volumes import WORKSHOP
from .network import Network
from .nodes import Nodes
from .pods import Pod, ended
from .running import PodRunning
from .volumes import KubernetesVolumes
from .watching import Watched

_OPTIONS = (
    "context", "namespace", "kubeconfig", "registry", "ingress_class", "init_image", "storage_class",
)  # fmt: skip
_DEADLINE = 600.0  # seconds without its location after which a container is collected
_SLOW = 10.0  # seconds that a node may take to end a container, besides its grace
_LAST_WORDS = 10.0  # seconds for what a process printed before its end to be here
_DESTROYED = Exit(signal=signal.SIGKILL)

_log = logging.getLogger(__name__)


class KubernetesEngine(Engine):
    """Containers in a cluster.

    Args:
        state: folder (0700) for what tells this location from others.
        runtime: folder (0700) for credentials that a kubeconfig holds.
        options: which cluster, where in it, and where its images are.
        deadline: seconds without a location after which what it made is collected.
    """

    name: ClassVar[str] = "kubernetes"
    volumes: KubernetesVolumes

    def __init__(
        self, state: Path, runtime: Path, options: Options, *, deadline: float = _DEADLINE
    ) -> None:
        words.known(options, self.name, _OPTIONS)
        one = partial(words.one, options)
        self._state, self._deadline = state.absolute(), deadline
        self.degraded: list[str] = []
        self._api = Api(
            credentials.loader(
                runtime, kubeconfig=one("kubeconfig"), context=one("context"), namespace=one("namespace")
            )
        )  # fmt: skip
        self._images = Images(one("registry"), one("init_image"))
        self._nodes = Nodes(self._api, self._lose, self._running_on)
        self._pods: dict[str, Pod] = {}
        self._path = ""  # of the namespace's Pods
        self._location = ""
        self._lease: Lease | None = None
        self._network: Network | None = None
        self._guarded = ""  # the anchor that the network's policies went up with
        self._guarding = asyncio.Lock()
        self._controller, self._storage_class = one("ingress_class"), one("storage_class")
        self._ingress: Ingress | None = None
        self._watched: Watched | None = None
        self._background = Background()
        self._closed = False

    # -- open and close ------------------------------------------------------------------------------------------------

    async def open(
        self,
        on_nodes: Callable[[tuple[NodeInfo, ...]], None],
        known: Mapping[str, ContainerSpec] | None = None,
    ) -> dict[str, Survivor]:
        try:
            return await self._open(on_nodes, known or {})
        except BaseException:
            await to_the_end(asyncio.ensure_future(self._let_go()))
            raise

    async def _open(
        self, on_nodes: Callable[[tuple[NodeInfo, ...]], None], known: Mapping[str, ContainerSpec]
    ) -> dict[str, Survivor]:
        self._location = await asyncio.to_thread(location_id, self._state / "location")
        self._images.open(self._location)
        namespace = await self._api.open()
        self._path = f"/api/v1/namespaces/{namespace}/pods"
        self._lease = Lease(self._api, namespace, self._location, self._deadline)
        await self._lease.open()
        self._network = Network(self._api, namespace, self._location, self._lease.owner)
        await self._guard()
        if self._controller:
            self._ingress = Ingress(
                self._api, namespace, self._location, self._lease.owner, self._controller
            )
            await self._ingress.serve({})  # a killed location's are published anew
        self.volumes = KubernetesVolumes(
            self._api, namespace, self._location, self._lease.owner, self._images.init,
            self._node_of_volume, self._work, self._storage_class,
        )  # fmt: skip
        await self._nodes.open(on_nodes, self.degraded)
        enforcement = Enforcement(
            self._api, namespace, self._location, self._lease.owner, self._images.init
        )
        self._background.begin(enforcement.tell(self.degraded))
        chosen = f"{LOCATION}={self._location},{CONTAINER}"
        self._watched = Watched(self._api, self._path, self._changed, (("labelSelector", chosen),))
        await self._watched.open()
        return await self._recall(known)

    async def _recall(self, known: Mapping[str, ContainerSpec]) -> dict[str, Survivor]:
        """Take over what is wanted of a killed location's containers, and end the rest of what it left."""
        assert self._watched is not None
        found = dict(self._watched.objects)
        taken = [self._survivor(known[name], found[name]) for name in found if name in known]
        strangers = [
            self._api.delete(f"{self._path}/{n}", grace=0) for n in found if n not in known
        ]
        _deleted, survivors = await asyncio.gather(
            asyncio.gather(*strangers), asyncio.gather(*taken)
        )
        return {name: survivor for name, survivor in survivors if survivor is not None}

    async def _survivor(self, spec: ContainerSpec, found: Json) -> tuple[str, Survivor | None]:
        pod = Pod(self._api, self._path, spec, found["spec"].get("nodeName", ""))
        self._pods[spec.id] = pod
        pod.adopt(found)
        try:
            first, others = await pod.meanwhile(pod.inside.recall())
        except TfnzError as problem:
            _log.warning("container %s is not taken over: %s", spec.id, problem)
            await to_the_end(self._retire(pod))
            return spec.id, None
        pod.first = first
        self._background.begin(self._follow(pod))
        return spec.id, Survivor(Booted(pod.node, pod.news.ip, first), dict(others))

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        await asyncio.gather(*(self._retire(pod) for pod in list(self._pods.values())))
        with contextlib.suppress(
            TfnzError
        ):  # what cannot be ended now is collected at the deadline
            await self._collect()
        await self._let_go()

    async def _collect(self) -> None:
        """Nothing of this location stays in the cluster but its volumes."""
        if self._ingress is not None:
            await self._ingress.serve({})
        if self._network is not None:
            await self.volumes.close()
            await self._network.close()
        if self._lease is not None:
            await self._lease.give_up()

    async def _let_go(self) -> None:
        await self._background.cancel()
        if self._lease is not None:
            await self._lease.rest()
        if self._watched is not None:
            await self._watched.close()
        await self._nodes.close()
        await self._images.close()
        await self._api.close()

    # -- told by the cluster -------------------------------------------------------------------------------------------

    def _changed(self, name: str, found: Json | None) -> None:
        pod = self._pods.get(name)
        if pod is not None:
            pod.take(found)

    def _lose(self, node: str) -> None:
        for pod in self._pods.values():
            if pod.node == node:
                pod.end(Exit(reason=f"unknown: its node {node} was lost"))

    def _running_on(self, node: str) -> int:
        return sum(1 for pod in self._pods.values() if pod.node == node and pod.first is not None)

    # -- images and containers -----------------------------------------------------------------------------------------

    async def image(self, reference: str) -> ImageInfo | None:
        return await self._images.find(reference)

    async def install(self, image: ImageInfo, blobs: Path, report: Report) -> None:
        await self._images.install(image, blobs, report)

    async def uninstall(self, layers: Sequence[Layer], image: ImageInfo | None) -> None:
        used = {pod.spec.image.id for pod in self._pods.values()}
        if image is not None and image.id not in used:
            await self._images.uninstall(image)

    async def boot(self, spec: ContainerSpec, node: str) -> Booted:
        if node not in self._nodes:
            listed = ", ".join(info.name for info in self._nodes.infos())
            raise UsageError(f"no node {node!r}: this cluster has {listed}")
        if spec.id in self._pods:
            raise UsageError(f"container {spec.id} exists already")
        for path, _content in spec.files:
            places.check_file(path, [place for _volume, place in spec.volumes])
        limits.check(spec.limits)
        pod = self._pods[spec.id] = Pod(self._api, self._path, spec, node)
        pod.booting = asyncio.ensure_future(self._begin(pod))
        try:
            pod.first = await pod.booting
        except BaseException as error:
            await to_the_end(self._retire(pod))
            if pod.unwanted and isinstance(error, asyncio.CancelledError | EngineFailed):
                raise ContainerEnded(f"container {spec.id} was destroyed while it booted") from None
            raise
        self._background.begin(self._follow(pod))
        return Booted(node, pod.news.ip, pod.first)

    async def _guard(self) -> None:
        """Have the policies that hold for all. They go with the anchor, where a lease ran out while this slept."""
        assert self._lease is not None
        assert self._network is not None
        async with self._guarding:
            if self._guarded != self._lease.owner["uid"]:
                await self._network.open()
                self._guarded = str(self._lease.owner["uid"])

    async def _begin(self, pod: Pod) -> PodRunning:
        assert self._lease is not None
        assert self._network is not None
        await self._guard()
        spec = pod.spec
        await self.volumes.check(spec.volumes)
        around = manifests.Surroundings(
            node=pod.node,
            image=self._images.pulled(spec.image),
            init_image=await self._images.init(),
            memory=spec.limits.memory or self._nodes.memory(pod.node) // 2,
            location=self._location,
            owner=self._lease.owner,
        )
        await pod.create(self._path, manifests.pod(spec, around))
        await self._network.admit(spec.id, spec.egress, pod.reference)
        return await pod.boot()

    async def _follow(self, pod: Pod) -> None:
        """Until its first process has ended and no other takes its place."""
        while pod.removal is None:
            first = pod.first
            assert first is not None
            await first.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LAST_WORDS):
                    await pod.inside.drained()
            async with pod.turning:  # a reboot has ended it, and gives another
                if pod.first is first:
                    self._retire(pod)

    async def execute(self, container: str, spec: ProcessSpec) -> Running:
        pod = await self._steady(container)
        rounds = pod.rounds
        try:
            return await pod.inside.execute(spec)
        except (EngineFailed, ContainerEnded):
            if pod.rounds == rounds:
                raise
        return await (await self._steady(container)).inside.execute(spec)

    async def start(self, container: str) -> Running:
        return await self._turn(container, lambda pod: pod.inside.start())

    async def reboot(self, container: str, grace: float, *, reset: bool) -> Booted:
        async def again(pod: Pod) -> PodRunning:
            pod.rounds += 1
            return await (pod.reset(grace) if reset else pod.inside.reboot(grace))

        pod = self._present(container)
        first = await self._turn(container, again)
        return Booted(pod.node, pod.news.ip, first)

    async def _turn(
        self, container: str, deed: Callable[[Pod], Coroutine[Any, Any, PodRunning]]
    ) -> PodRunning:
        return await self._background.finish(self._turned(self._present(container), deed))

    async def _turned(
        self, pod: Pod, deed: Callable[[Pod], Coroutine[Any, Any, PodRunning]]
    ) -> PodRunning:
        async with pod.turning:
            self._present(pod.spec.id)
            rounds = pod.rounds
            try:
                pod.first = first = await deed(pod)
                return first
            except EngineFailed:
                if pod.unwanted or pod.over is not None:
                    raise ended(pod.spec.id) from None
                if pod.rounds != rounds:  # it does not come up again, which is its end
                    self._retire(pod)
                raise

    def noted(self, process: str) -> None:
        for pod in self._pods.values():
            pod.inside.noted(process)

    async def destroy(self, container: str, grace: float) -> None:
        pod = self._pods.get(container)
        if pod is not None:
            pod.unwanted = True
            await asyncio.shield(self._retire(pod, grace))

    def _retire(self, pod: Pod, grace: float = 0.0) -> asyncio.Task[None]:
        """Free all of a container, once; whoever cares waits for the task."""
        if pod.removal is None:
            pod.removal = self._background.begin(self._remove(pod, grace))
        return pod.removal

    async def _remove(self, pod: Pod, grace: float) -> None:
        if pod.booting is not None and not pod.booting.done():
            pod.booting.cancel()
            await asyncio.wait([pod.booting])
        if pod.over is None and pod.first is not None:
            with contextlib.suppress(TfnzError, TimeoutError):  # the Pod goes in any case
                async with asyncio.timeout(grace + _SLOW):
                    await pod.inside.end(grace)
        try:
            await self._delete(pod)
        except TfnzError as problem:
            _log.warning("what is left of %s is deleted later: %s", pod.spec.id, problem)
            self._background.begin(self._delete_late(pod))
        pod.end(_DESTROYED)
        self._pods.pop(pod.spec.id, None)

    async def _delete(self, pod: Pod) -> None:
        assert self._network is not None
        await pod.delete()
        await self._network.forget(pod.spec.id)

    async def _delete_late(self, pod: Pod) -> None:
        """The cluster has not heard that it is over: say so until it has, for nobody else will while we live."""
        for turn in itertools.count():
            await asyncio.sleep(pause(turn))
            with contextlib.suppress(TfnzError):
                return await self._delete(pod)

    def _present(self, container: str) -> Pod:
        """One that is not over; it may just be rebooting."""
        pod = self._pods.get(container)
        if pod is None or not pod.lives:
            raise ended(container)
        return pod

    async def _steady(self, container: str) -> Pod:
        """One that is not just rebooting."""
        async with self._present(container).turning:
            return self._present(container)

    # -- files, connections, usage -------------------------------------------------------------------------------------

    def files(self, container: str) -> Files:
        return self._present(container).inside.files()

    async def dial(self, container: str, port: int) -> socket.socket:
        pod = self._present(container)
        return await pod.inside.ports.dial(port, pod.news.ip)

    async def reachable(self, container: str) -> bool:
        pod = await self._steady(container)
        return await pod.inside.ports.straight(pod.news.ip)

    async def allow(self, server: str, client: str) -> None:
        assert self._network is not None
        both = self._present(server), self._present(client)
        await self._network.allow(server, client, (both[0].reference, both[1].reference))

    async def disallow(self, server: str, client: str) -> None:
        assert self._network is not None
        await self._network.disallow(server, client)

    async def usage(self, containers: Sequence[str]) -> dict[str, Usage]:
        present = [pod for name in containers if (pod := self._pods.get(name)) and pod.first]
        found = await asyncio.gather(*(pod.inside.usage() for pod in present))
        return {p.spec.id: used for p, used in zip(present, found, strict=True) if used is not None}

    async def beside(self, argv: Sequence[str], folder: Path) -> Running:
        return await beside.start(argv, folder)

    async def publish(self, names: Mapping[str, Behind]) -> None:
        if self._ingress is not None:
            sites = {
                fqdn: (self._addresses(one.containers), one.port) for fqdn, one in names.items()
            }
            await self._ingress.serve(sites)

    def _addresses(self, containers: Sequence[str]) -> dict[str, str]:
        """Of those that are not over."""
        pods = (self._pods.get(name) for name in containers)
        return {pod.spec.id: pod.news.ip for pod in pods if pod is not None and pod.over is None}

    # -- small -----------------------------------------------------------------------------------------------------------

    def _node_of_volume(self, volume: str) -> str:
        having = [p for p in self._pods.values() if volume in (v for v, _place in p.spec.volumes)]
        return having[0].node if having else ""

    async def _work(self, pod: str, argv: Sequence[str]) -> tuple[int, str]:
        """Run a command in one of the Pods in which volumes are worked on."""
        return await streams.run(self._api, f"{self._path}/{pod}", WORKSHOP, argv)
