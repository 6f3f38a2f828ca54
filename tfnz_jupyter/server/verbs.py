"""What a session may ask of a location, one method a verb."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

from ..engines.base import Engine, ImageInfo, ProcessSpec, Progress, Running
from ..errors import ContainerEnded, NotFound, TfnzError
from ..wire import messages as m
from .containers import Container
from .images import Images
from .pace import Paced
from .peer import Peer
from .processes import Process, describe
from .tunnels import Connect, Tunnel
from .waits import wait_http, wait_tcp


class Verbs:
    """Performs verbs on one engine and one image store; ``claim`` asks the ledger."""

    def __init__(
        self,
        engine: Engine,
        images: Images,
        claim: Callable[[Peer, m.Spawn], None],
        finished: Callable[[str], None],
    ) -> None:
        self._engine = engine
        self._images = images
        self._claim = claim
        self._finished = finished

    async def perform(self, peer: Peer, verb: m.Verb, call: int) -> m.Value:
        """Do one verb for a session. Raises what the user shall see."""
        match verb:
            case m.EnsureImage():
                return await self._ensure_image(peer, verb, call)
            case m.ListImages():
                return m.Images([_ready(image) for image in self._images.list()])
            case m.Spawn():
                self._spawn(peer, verb)
            case m.Destroy():
                await self._container(peer, verb.container).destroy(verb.grace)
            case m.FollowLog():
                self._follow(peer, verb)
            case m.Execute():
                await self._execute(peer, verb)
            case m.Signal():
                await self._signal(peer, verb)
            case m.OpenTunnel():
                return await self._open_tunnel(peer, verb)
            case m.CloseTunnel():
                self._close_tunnel(peer, verb.tunnel)
            case m.WaitTcp():
                await self._while_alive(peer, verb.container, wait_tcp, verb.port)
            case m.WaitHttp():
                wait = partial(wait_http, path=verb.path, host=verb.host)
                await self._while_alive(peer, verb.container, wait, verb.port)
        return m.Done()

    async def _ensure_image(self, peer: Peer, verb: m.EnsureImage, call: int) -> m.ImageReady:
        def tell(progress: Progress) -> None:
            peer.tell(
                m.Progressed(call, progress.step, progress.text, progress.done, progress.total)
            )

        report = Paced(tell)
        image = await self._images.ensure(verb.reference, report)
        await self._engine.install(image, self._images.blobs, report)
        return _ready(image)

    def _spawn(self, peer: Peer, verb: m.Spawn) -> None:
        peer.require_new(verb.output, verb.input)
        self._claim(peer, verb)
        process = Process(
            peer.out_stream(verb.output), peer.in_stream(verb.input), lossless=verb.lossless
        )

        def tell(state: m.ContainerChanged) -> None:
            if state.state in ("ended", "failed"):
                self._finished(state.container)
                self._drop_tunnels(peer, state.container)
            peer.tell(state)

        peer.containers[verb.container] = Container(verb, process, self._engine, self._images, tell)

    def _follow(self, peer: Peer, verb: m.FollowLog) -> None:
        log = self._container(peer, verb.container).process.log
        peer.require_new(verb.output)
        peer.out_stream(verb.output).start(log.reader(lossless=True))

    async def _execute(self, peer: Peer, verb: m.Execute) -> None:
        container = self._container(peer, verb.container)
        peer.require_new(verb.output, verb.input)
        process = Process(peer.out_stream(verb.output), peer.in_stream(verb.input), lossless=True)
        try:
            await container.ready()
            assert container.spec is not None
            spec = ProcessSpec(
                verb.process,
                tuple(verb.command),
                tuple((dict(container.spec.env) | dict(verb.env)).items()),
                verb.cwd or None,
                verb.user or None,
            )
            running = await self._start(peer, container.id, spec)
        except BaseException:
            process.close()
            raise
        peer.processes[verb.process] = (verb.container, process)
        peer.keep(self._attend(peer, verb.process, process, running))

    async def _start(self, peer: Peer, container: str, spec: ProcessSpec) -> Running:
        """Start a process; if its caller gives up meanwhile, it is killed as soon as it runs."""
        starting = asyncio.ensure_future(self._engine.execute(container, spec))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            peer.keep(_kill(starting))
            raise

    async def _attend(self, peer: Peer, key: str, process: Process, running: Running) -> None:
        end = await process.run(running)
        peer.processes.pop(key, None)
        peer.tell(m.ProcessEnded(key, end.returncode, describe(end)))

    async def _signal(self, peer: Peer, verb: m.Signal) -> None:
        container, process = peer.processes.get(verb.process, ("", None))
        if process is None or container != verb.container or process.running is None:
            raise NotFound(f"no process {verb.process}")
        await process.running.signal(verb.number)

    async def _open_tunnel(self, peer: Peer, verb: m.OpenTunnel) -> m.Listening:
        container = self._container(peer, verb.container)
        await container.ready()
        tunnel = Tunnel(verb.tunnel, container.id, self._connect(container, verb.port))
        await tunnel.listen(verb.bind, verb.local_port)
        if container.state != "running":
            tunnel.close()
            await container.ready()
        peer.tunnels[verb.tunnel] = tunnel
        return m.Listening(tunnel.address, tunnel.port)

    def _close_tunnel(self, peer: Peer, key: str) -> None:
        tunnel = peer.tunnels.pop(key, None)
        if tunnel is None:
            raise NotFound(f"no tunnel {key}")
        tunnel.close()

    def _drop_tunnels(self, peer: Peer, container: str) -> None:
        for tunnel in [t for t in peer.tunnels.values() if t.container == container]:
            self._close_tunnel(peer, tunnel.id)

    async def _while_alive(
        self,
        peer: Peer,
        key: str,
        wait: Callable[[Connect], Coroutine[Any, Any, None]],
        port: int,
    ) -> None:
        """Run a wait, and end it with the reason if the container ends first."""
        container = self._container(peer, key)
        await container.ready()
        waiting = asyncio.ensure_future(wait(self._connect(container, port)))
        over = asyncio.ensure_future(container.ended())
        try:
            await asyncio.wait({waiting, over}, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                await container.ready()
            await waiting
        except ContainerEnded:
            await container.ended()
            await container.ready()
            raise
        finally:
            waiting.cancel()
            over.cancel()

    def _connect(self, container: Container, port: int) -> Connect:
        def connect(
            protocol: Callable[[], asyncio.BaseProtocol],
        ) -> Awaitable[asyncio.Transport]:
            return self._engine.connect(container.id, port, protocol)

        return connect

    def _container(self, peer: Peer, key: str) -> Container:
        if key not in peer.containers:
            raise NotFound(f"no container {key}")
        return peer.containers[key]


async def _kill(starting: asyncio.Future[Running]) -> None:
    with contextlib.suppress(TfnzError):
        await (await starting).signal(signal.SIGKILL)


def _ready(image: ImageInfo) -> m.ImageReady:
    return m.ImageReady(
        image.reference, image.id, image.source, [layer.diff_id for layer in image.layers]
    )
