"""A location: where containers run, and one session with it."""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import contextlib
import contextvars
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from ..blocking import BoundVerb, block, bridge, loop, submit, verb
from ..errors import SessionEnded, TfnzError, Unreachable, UsageError
from ..homes import pairs
from ..wire import messages as m
from . import asking
from .connection import Connection
from .container import Container
from .here import is_stuck
from .node import Node
from .places import all_names, chosen, find, home_of
from .uploads import at_location
from .volume_offers import VolumeOffers
from .worker import Worker

_log = logging.getLogger("tfnz_jupyter")

#: The interpreter's exit waits this long for goodbyes (seconds).
_GOODBYE = 1.2
#: A location that is closing makes way within this time; it is looked for so often meanwhile (seconds).
_PATIENCE, _PAUSE = 10.0, 0.05

_alive: list[Location] = []  # oldest first


class Location(VolumeOffers):
    """A session with a location; with nothing configured, the one on this machine, started if need be.

    What it spawns ends with it: by :meth:`disconnect`, the interpreter's exit, or the death of this process.

    Args:
        location: the name of an account (``tfnz locations``), or one on this machine: ``embedded``, ``docker``,
            ``kubernetes``; without it, ``TFNZ_LOCATION``, the user's default, or ``embedded``.
        location_ip: dial this address (``HOST`` or ``HOST:PORT``) instead of the account's.
        quiet: log nothing.
        debug_log: log everything; both concern the ``tfnz_jupyter`` logger alone.
        new_node_callback: ``(node)`` for every node that appears later.
        options: what the engine of a location on this machine is told, such as ``{"host": "ssh://lab"}`` for ``docker``: the
            options of ``tfnz serve``, one value or several each. Others make another location.

    Raises:
        EngineFailed, NotSupported: this machine cannot run containers; the message says what is missing.
        NotFound: there is no account of that name.
        Refused: the location does not know the account.
        Unreachable: nobody answers, or not the location that should; the message says which.
    """

    def __init__(
        self,
        *,
        location: str | None = None,
        location_ip: str | None = None,
        quiet: bool = False,
        debug_log: bool = False,
        new_node_callback: Callable[[Node], object] | None = None,
        options: Mapping[str, str | Sequence[str]] | None = None,
    ) -> None:
        self._prepare(location, location_ip, quiet, debug_log, new_node_callback, options)
        block(self._open())

    @classmethod
    async def aio(
        cls,
        *,
        location: str | None = None,
        location_ip: str | None = None,
        quiet: bool = False,
        debug_log: bool = False,
        new_node_callback: Callable[[Node], object] | None = None,
        options: Mapping[str, str | Sequence[str]] | None = None,
    ) -> Self:
        """``Location(...)``, awaited."""
        self = cls.__new__(cls)
        self._prepare(location, location_ip, quiet, debug_log, new_node_callback, options)
        await bridge(self._open())
        return self

    def _prepare(
        self,
        location: str | None,
        location_ip: str | None,
        quiet: bool,
        debug_log: bool,
        new_node_callback: Callable[[Node], object] | None,
        options: Mapping[str, str | Sequence[str]] | None = None,
    ) -> None:
        """Everything that needs no location."""
        if quiet and debug_log:
            raise UsageError("quiet and debug_log exclude each other")
        VolumeOffers.__init__(self, chosen(location, location_ip), new_node_callback)
        self._dialled = location_ip
        self.home = home_of(self.location, [*pairs(options or {})])
        self.log_path = str(self.home.runtime / "location.log") if self.home else ""
        self._connection: Connection
        self._spawning: set[asyncio.Task[None]] = set()
        _log_level(quiet, debug_log)

    async def _open(self) -> None:
        self._offered, self._complete = asyncio.Event(), asyncio.Event()
        self._connection = await self._connect()
        try:
            self.uuid, self.user_pk = self._connection.session, self._connection.user
            await self._offered.wait()
        except BaseException:
            self._connection.close()
            raise
        if self._why is not None:
            raise self._why
        _alive.append(self)
        _log.info("session %s with %s", self.uuid, self.location)

    async def _connect(self) -> Connection:
        """A session; a location that was just closing is not asked twice."""
        give_up = time.monotonic() + _PATIENCE
        while True:
            address = await find(self.location, self._dialled, self.home)
            try:
                return await Connection.open(address, self)
            except (Unreachable, SessionEnded) as problem:
                stays = isinstance(problem, Unreachable) and is_stuck(address)
                if stays or time.monotonic() > give_up:
                    raise
                _log.info("%s; trying again", problem.message)
            await asyncio.sleep(_PAUSE)

    # what is known, without asking anybody

    @property
    def engine(self) -> str:
        """What runs the containers: ``embedded``, ``docker`` or ``kubernetes``."""
        return self._connection.engine

    @property
    def degraded(self) -> list[str]:
        """What the engine cannot give, in plain sentences; as far as that is known now: some of it is found out by trying."""
        return list(self._connection.degraded)

    @staticmethod
    def all_locations() -> list[str]:
        """The names of the locations this user can connect to."""
        return all_names()

    # verbs

    @verb
    async def ensure_image_uploaded(
        self,
        image: str,
        *,
        login: tuple[str, str] | None = None,
        progress: Callable[[m.Progressed], object] | None = None,
    ) -> list[str]:
        """Make an image ready to boot; its layers' digests, lowest first.

        For a location elsewhere, files, ``.`` and what the local Docker or Podman has are of this machine, and uploaded.

        Args:
            login: a name and a password at the image's registry, for this pull alone.
            progress: told how far it is (``step``, ``text``, ``done``, ``total``), off the loop.

        Raises:
            ImageNotFound: no source has it; the message says which were tried.
            Refused: the registry wants another login, or is none that this location may be led to.
        """
        report = self._reporter(asking.context(), progress)
        if self._connection.is_far:
            image = await at_location(self._connection, image, report)
        ready = await self._connection.call(m.EnsureImage(image, login), report)
        assert isinstance(ready, m.ImageReady)
        return ready.layers

    @verb
    async def build_image(
        self,
        tag: str,
        dockerfile: str | Path | None = None,
        *,
        context: str | Path | None = None,
        build_args: asking.Pairs | None = None,
        target: str | None = None,
        cache: bool = True,
        memory: int | None = None,
        egress: str | Iterable[str] = "internet",
        log: Callable[[bytes], object] | None = None,
        progress: Callable[[m.Progressed], object] | None = None,
    ) -> str:
        """Make an image from a Dockerfile; its name, as ``spawn_container`` takes it.

        Each step runs in a container of its own: it sees and reaches what any container does. What was done before is not
        done again. Cancelling it ends the build.

        Args:
            tag: what the image is called; one of that name is replaced once the new one is there.
            dockerfile: its text, or the ``Path`` of a file; without it, ``Dockerfile`` in the context.
            context: the folder that COPY takes from, without what its ``.dockerignore`` names.
            build_args: values of its ARGs.
            target: the stage that is wanted, if not the last.
            cache: whether what was done before counts.
            memory: of each step's container, in bytes; as that of ``spawn_container``, and so is ``egress``.
            log: gets what the build says and its steps print, as it comes; a slow one slows the build.
            progress: told how far it is, as that of :meth:`ensure_image_uploaded`.

        Raises:
            UsageError: the Dockerfile has no meaning; like all that a step raises, it names the line.
            CommandFailed: a step's command did not return 0; ``detail`` has its last lines.
            NoSuchFile: there is nothing to copy, no context, or no Dockerfile.
            ImageNotFound: nobody has an image that it is made from.
            NotSupported: an instruction is not done there, or the engine builds no images.
        """
        folder = None if context is None else Path(context)
        from . import builds  # who builds nothing need not read Dockerfiles

        text = await Worker("build").do(lambda: builds.text_of(dockerfile, folder))
        asking.size(memory, "memory", 1)
        way_out = egress if isinstance(egress, str) else list(egress)
        arguments = asking.environment(build_args)
        wish = m.BuildImage(tag, text, 0, 0, arguments, target or "", cache, memory, way_out)
        here = asking.context()

        async def take(data: bytes) -> None:
            if log is not None:
                await self._callbacks.told(here, log, data)

        report = self._reporter(here, progress)
        return (await builds.build(self._connection, wish, folder, take, report)).reference

    def _reporter(
        self, context: contextvars.Context, progress: Callable[[m.Progressed], object] | None
    ) -> Callable[[m.Progressed], None]:
        """What passes on to a user's callback how far a call is."""

        def report(news: m.Progressed) -> None:
            if progress is not None:
                self._callbacks.post(context, progress, news)

        return report

    @verb
    async def remove_image(self, image: str) -> None:
        """Forget an image of the location, and free what nothing else needs; the next spawn of it fetches it again.

        Raises:
            ImageNotFound: there is none of that name.
            Refused: a container of it is live.
        """
        await self._connection.call(m.RemoveImage(image))

    @verb
    async def images(self) -> list[str]:
        """References of the images the location holds."""
        found = await self._connection.call(m.ListImages())
        assert isinstance(found, m.Images)
        return [image.reference for image in found.images]

    @verb
    async def disconnect(self, container: Any = None, returncode: int | None = 0) -> None:
        """End the session and everything it owns. Idempotent; also serves as a termination callback."""
        self._connection.close()

    def complete(self, container: Any = None, returncode: int | None = 0) -> None:
        """Make :meth:`run` return. Also serves as a termination callback."""
        loop().call_soon_threadsafe(self._complete.set)

    @property
    def run(self) -> _Run:
        """Block until :meth:`complete`, Ctrl-C, or the session's end; then disconnect. Or ``await run.aio()``.

        Raises:
            TfnzError: why the session ended, if neither of the others ended it.
        """
        return _Run(self._run)

    async def _run(self) -> None:
        """Wait until it is over, and disconnect."""
        try:
            await self._complete.wait()
        finally:
            self._connection.close()
        if self._why is not None and not self._connection.left:
            raise self._why

    def __enter__(self) -> Location:
        return self

    def __exit__(self, *problem: object) -> None:
        self.disconnect()

    # for the objects below, and news from the location

    def _free_name(self, wanted: str | None, short: str) -> str:
        self._require_alive()
        taken = {c.name for c in self.containers.values() if not c.dead}
        if wanted is not None:
            if asking.name(wanted) in taken:
                raise UsageError(
                    f"a live container of this session is already called {wanted!r}",
                    hint="Destroy it first, or choose another name.",
                )
            return wanted
        numbers = iter(range(2, len(taken) + 3))
        name = short
        while name in taken:
            name = f"{short}-{next(numbers)}"
        return name

    def _spawn(self, wish: m.Spawn, node: Node, callbacks: Any) -> Container:
        container = Container(wish, node, self._connection, callbacks, self.user_pk)
        self.containers[container.uuid] = container
        self._promises.make(wish.container, node.uuid, wish.cpus, wish.memory)
        container._spawning = asyncio.ensure_future(container._spawn())
        self._spawning.add(container._spawning)
        container._spawning.add_done_callback(self._spawning.discard)
        self._changed()
        return container

    async def _spawn_tagged(self, wish: m.Spawn, node: Node, callbacks: Any) -> Container:
        """Spawn, and return once the tag is the container's own; one that is refused was never there."""
        *others, termination_callback = callbacks
        container = self._spawn(wish, node, (*others, None))
        try:
            await container._claimed()
        except BaseException:
            del self.containers[container.uuid]
            self._connection.post(m.Destroy(container.uuid))  # where nobody waits any more
            raise
        container.termination_callback = termination_callback
        return container

    def heard(self, message: m.Message) -> None:
        """Take in what the location says unasked."""
        match message:
            case m.NodesChanged(nodes):
                self._nodes_changed(nodes)
            case m.Offered():
                self._all_offered()
            case m.EndpointsChanged():
                self._endpoints_changed(message)
            case m.UsageChanged():
                self._usage_changed(message)
            case m.ExternalOffered():
                self._external_offered(message)
            case m.VolumeOffered():
                self._volume_offered(message)
            case m.VolumeGone(volume):
                self._volume_gone(volume)
            case m.ContainerChanged(key):
                if container := self.containers.get(key):
                    self._promise_kept(message)
                    container._heard(message)
                else:
                    self._external_changed(message)
            case m.ProcessEnded():
                for container in [*self.containers.values(), *self.externals]:
                    container._process_ended(message)

    def session_ended(self, why: TfnzError) -> None:
        """The session is over: so is everything it owned."""
        self._why = why
        for container in [*self.containers.values(), *self.externals]:
            container._session_ended(why)
        for endpoint in self.endpoints.values():
            endpoint._session_ended()
        if self in _alive:
            _alive.remove(self)
        self._offered.set()
        self._complete.set()
        self._changed()

    def __repr__(self) -> str:
        live = sum(not c.dead for c in self.containers.values())
        state = (
            f"over: {self.reason}" if self.dead else f"{len(self.nodes)} nodes, {live} containers"
        )
        return f"<Location {self.location} {state}>"


class _Run(BoundVerb[[], None]):
    """``Location.run``: blocks, and takes Ctrl-C for the wish to end."""

    def __call__(self) -> None:
        with contextlib.suppress(KeyboardInterrupt), _sigterm_ends():
            super().__call__()


def current() -> Location | None:
    """The session made last of those that are alive."""
    return _alive[-1] if _alive else None


def _log_level(quiet: bool, debug_log: bool) -> None:
    if quiet or debug_log:
        _log.setLevel(logging.CRITICAL + 1 if quiet else logging.DEBUG)


@contextlib.contextmanager
def _sigterm_ends() -> Any:
    """Within this, SIGTERM is like Ctrl-C, where the main thread can arrange it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


os.register_at_fork(after_in_child=_alive.clear)


@atexit.register
def _goodbye() -> None:
    """Say goodbye to every location at once, and give that a bounded time."""
    jobs = [submit(place.disconnect.aio()) for place in list(_alive)]
    concurrent.futures.wait(jobs, timeout=_GOODBYE)
