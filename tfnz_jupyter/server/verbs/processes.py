"""Processes beside a container's first."""

from __future__ import annotations

import asyncio
import contextlib
import signal

from ...engines.base import Engine, ProcessSpec, Running, Terminal
from ...errors import NotFound, TfnzError, UsageError
from ...wire import messages as m
from ...wire.ids import require_id
from ..containers import Container
from ..estate import Estate
from ..peer import Peer
from ..processes import Process, describe
from ..shells import find_shell
from .deeds import Deed, Means


class ProcessVerbs:
    """The verbs of processes."""

    def __init__(self, means: Means) -> None:
        self._engine, self._estate = means.engine, means.estate

    def deeds(self) -> dict[type, Deed]:
        """Verb -> what does it."""
        return {
            m.Execute: self._execute,
            m.Signal: self._signal,
            m.EndProcess: self._end,
            m.Resize: self._resize,
        }

    async def _execute(self, peer: Peer, verb: m.Execute, call: int) -> m.Done:
        container = self._estate.container(peer, verb.container)
        require_id(verb.process)
        if verb.process == verb.container or verb.process in peer.processes:
            raise UsageError(f"process id {verb.process} is taken")
        peer.require_new(verb.output, verb.input)
        process = Process()
        process.follow(peer.out_stream(verb.output), lossless=True)
        process.feed(peer.in_stream(verb.input))
        try:
            await container.ready()
            running = await self._start(peer, container.id, await self._spec(container, verb))
        except BaseException:
            process.close()
            raise
        peer.processes[verb.process] = (verb.container, process)
        peer.keep(attend(self._engine, peer, verb.process, process, running))
        return m.Done()

    async def _spec(self, container: Container, verb: m.Execute) -> ProcessSpec:
        assert container.spec is not None
        command = verb.command or [await find_shell(self._engine.files(container.id))]
        return ProcessSpec(
            verb.process,
            tuple(command),
            tuple((dict(container.spec.env) | dict(verb.env)).items()),
            verb.cwd or None,
            verb.user or None,
            Terminal(*verb.terminal, echo=verb.echo) if verb.terminal else None,
        )

    async def _start(self, peer: Peer, container: str, spec: ProcessSpec) -> Running:
        """Start a process; if its caller gives up meanwhile, it is killed as soon as it runs."""
        starting = asyncio.ensure_future(self._engine.execute(container, spec))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            peer.keep(_kill(starting))
            raise

    async def _signal(self, peer: Peer, verb: m.Signal, call: int) -> m.Done:
        await (await self._running(peer, verb)).signal(verb.number)
        return m.Done()

    async def _end(self, peer: Peer, verb: m.EndProcess, call: int) -> m.Done:
        await (await self._running(peer, verb)).end(verb.grace)
        return m.Done()

    async def _resize(self, peer: Peer, verb: m.Resize, call: int) -> m.Done:
        if verb.process:
            running = await self._running(peer, verb)
        else:
            container = self._estate.container(peer, verb.container)
            await container.ready()
            assert container.process.running is not None
            running = container.process.running
        await running.resize(verb.columns, verb.rows)
        return m.Done()

    async def _running(self, peer: Peer, verb: m.Signal | m.EndProcess | m.Resize) -> Running:
        container = self._estate.container(peer, verb.container)
        process = find(peer, self._estate, self._engine, container, verb.process)
        await asyncio.sleep(0)  # one that was just claimed is attended to from now on
        if process is None or process.running is None:
            raise NotFound(f"no process {verb.process}")
        return process.running


def find(
    peer: Peer, estate: Estate, engine: Engine, container: Container, key: str
) -> Process | None:
    """A session's process; one that a killed location left, and nobody has claimed yet, is the session's from now on."""
    if key not in peer.processes:
        running = estate.claim(container, key)
        if running is None:
            return None
        process = Process(running.taken)
        peer.processes[key] = (container.id, process)
        peer.keep(attend(engine, peer, key, process, running))
    owner, process = peer.processes[key]
    return process if owner == container.id else None


async def attend(engine: Engine, peer: Peer, key: str, process: Process, running: Running) -> None:
    """Pump a process of a session until it has ended, and tell."""
    try:
        end = await process.run(running)
    finally:
        process.close()
    peer.processes.pop(key, None)
    peer.tell(m.ProcessEnded(key, end.returncode, describe(end)))
    engine.noted(key)


async def _kill(starting: asyncio.Future[Running]) -> None:
    with contextlib.suppress(TfnzError):
        await (await starting).signal(signal.SIGKILL)
