"""What an engine is: the few deeds a location asks of whatever really runs containers.

An engine has nodes, installs images from the location's OCI store, boots containers and processes, carries bytes to and
from them, and ends them. It knows nothing of users, sessions, names or tags: the server decides, the engine does. One
contract suite (``tests/engines/contract.py``) runs against every engine.

All methods are called on the location's event loop and must never block it. Failures are errors of
:mod:`tfnz_jupyter.errors`; whatever an engine cannot do raises ``NotSupported`` with the reason.
"""

from __future__ import annotations

import asyncio
import enum
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from ..errors import NotSupported
from .building import Workshop
from .files import Files
from .volumes import Volumes


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of an image: the blob as it lies in the OCI store, and what it unpacks to."""

    digest: str  # of the blob as stored, "sha256:..."
    diff_id: str  # of the uncompressed tar, "sha256:..."
    size: int  # bytes of the blob
    media_type: str


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """An image in the OCI store: its layers, lowest first, and what its configuration says about running it."""

    reference: str  # as the user wrote it
    id: str  # digest of the config, "sha256:..."
    layers: tuple[Layer, ...]
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    working_dir: str = "/"
    user: str = ""  # "", "uid", "uid:gid", "name" or "name:group"
    ports: tuple[int, ...] = ()
    stop_signal: str = "SIGTERM"
    #: Where it came from: "recipe", "registry", "docker", "podman", "archive", "layout", "build"; or the name of the
    #: engine whose own it is.
    source: str = ""
    created: str = ""  # when, of an engine's own, as ISO 8601 in UTC


@dataclass(frozen=True, slots=True)
class Progress:
    """How far something is. ``total`` is None while nobody knows; ``done`` never goes back within one ``step``."""

    step: str  # "resolve", "pull", "push", "build", "unpack", "boot"
    text: str = ""  # for people: "layer 2 of 5", "Setting up nginx-light"
    done: int = 0  # bytes; packages or steps for "build"
    total: int | None = None


Report = Callable[[Progress], None]

_LAST = -(1 << 40)  # behind every node that takes containers, whatever is promised there


@dataclass(frozen=True, slots=True)
class Limits:
    """What one container may use. None: the engine's default (half the machine's memory, all cpus, 512 pids)."""

    memory: int | None = None  # bytes
    cpus: float | None = None
    pids: int | None = None
    disk: int | None = (
        None  # bytes it may write outside volumes; None: 10 GiB where the engine can limit it
    )


@dataclass(frozen=True, slots=True)
class Terminal:
    """A terminal of that size, in place of the three pipes: one output, marked OUT."""

    columns: int = 80
    rows: int = 24
    echo: bool = True  # what is typed is shown


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """Everything needed to boot one container."""

    id: str  # 26 lower-case base32 characters
    hostname: str
    image: ImageInfo
    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...]  # complete: image's and user's, merged
    cwd: str
    user: str  # as in ImageInfo.user; names are looked up in the image's /etc/passwd and /etc/group
    files: tuple[
        tuple[str, bytes], ...
    ] = ()  # absolute path, content: written before the first process starts
    limits: Limits = field(default_factory=Limits)
    #: Whom it may reach outside the engine: ``internet`` (public addresses), ``none``, ``all`` (the engine's host and its
    #: networks too), or these IPv4 networks. Other containers are reached by :meth:`Engine.allow` alone.
    egress: str | tuple[str, ...] = "internet"
    asleep: bool = False  # everything but the command: it runs at ``Engine.start``; ``argv`` may be empty until then
    terminal: Terminal | None = None  # of the first process
    volumes: tuple[tuple[str, str], ...] = ()  # id, absolute path: no two alike, none below another


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """One more process in a running container."""

    id: str
    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...] | None = None  # None: the container's
    cwd: str | None = None  # None: the container's
    user: str | None = None  # None: the container's
    terminal: Terminal | None = None


@dataclass(frozen=True, slots=True)
class Exit:
    """How a process ended: a code, a signal, or neither with the reason why nobody knows."""

    code: int | None = None
    signal: int | None = None
    reason: str = ""

    @property
    def returncode(self) -> int | None:
        """The code as a shell shows it: 128 + n for signal n; None where it is unknown."""
        return 128 + self.signal if self.signal is not None else self.code


@dataclass(frozen=True, slots=True)
class NodeStats:
    """A sample of one node. ``score`` is what ranking sorts by: cpu + memory - 10 x paging."""

    cpu: int  # idle thousandths of a core
    cpu_total: int
    memory: int  # MiB available without swapping
    memory_total: int
    paging: int  # KiB a second swapped in and out
    containers: int
    closed: bool = False  # it keeps what it has, and takes no more

    @property
    def score(self) -> int:
        return _LAST if self.closed else self.cpu + self.memory - 10 * self.paging


@dataclass(frozen=True, slots=True)
class Usage:
    """What one container uses."""

    cpu: int  # microseconds of processor time since it began
    memory: int  # bytes, without files that would be dropped if others needed it
    processes: int


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """A machine that runs containers."""

    id: str
    name: str
    stats: NodeStats


class Mark(enum.IntEnum):
    """Which of a process's two outputs a chunk came from."""

    OUT = 1
    ERR = 2


@dataclass(frozen=True, slots=True)
class Taken:
    """What an earlier location had taken out of a process's outputs, and fed to it, before it was killed."""

    read: int = 0  # bytes, both outputs
    lines: int = 0  # newlines among them
    fed: int = 0  # bytes of standard input


@dataclass(frozen=True, slots=True)
class Behind:
    """What stands behind a name on the web: containers, by id, and the port they are visited on."""

    containers: tuple[str, ...]
    port: int


class Running(ABC):
    """One live process (a container's first, or one more in it): its pipes, its end."""

    taken: Taken = Taken()

    @abstractmethod
    async def read(self) -> tuple[Mark, bytes] | None:
        """The next chunk (1 byte to 256 KiB) of either output, or None once both have ended.

        Called by the server in a loop; while nobody calls it, nothing is read: the pipe fills, the writer waits.
        """

    @abstractmethod
    async def write(self, data: bytes) -> None:
        """Feed standard input; returns when the process (or its pipe) has taken it. Raises ``Ended`` once it is closed."""

    @abstractmethod
    async def write_eof(self) -> None:
        """End of standard input; on a terminal, what Ctrl-D does there. Idempotent."""

    @abstractmethod
    async def signal(self, number: int) -> None:
        """Send a signal to the process. Does nothing once it has ended.

        One that is meant to end it (KILL, TERM, INT, HUP, QUIT) ends with it all that it started, once it has ended of it:
        nothing that was killed leaves children behind. KILL goes to all of them at once.
        """

    @abstractmethod
    async def end(self, grace: float) -> None:
        """TERM to the process and all it started, KILL to what is left after ``grace`` seconds; returns at once."""

    @abstractmethod
    async def resize(self, columns: int, rows: int) -> None:
        """Give its terminal another size; it is told by SIGWINCH. Raises ``UsageError`` if it has none."""

    @abstractmethod
    async def wait(self) -> Exit:
        """How it ended; any number of callers, also after the fact."""


@dataclass(frozen=True, slots=True)
class Booted:
    """A container whose first process has been started."""

    node: str  # NodeInfo.id
    ip: str
    process: Running


@dataclass(frozen=True, slots=True)
class Survivor:
    """A container that an earlier location left running, or that ended and nobody was told how."""

    booted: Booted
    processes: dict[str, Running]  # besides the first, by ProcessSpec.id


class Engine(ABC):
    """The interface to one engine. ``name`` is how ``--engine`` and entry points call it.

    ``degraded`` says, in plain sentences, what this machine cannot give (filled in by :meth:`open`).
    """

    name: ClassVar[str]
    degraded: list[str]
    #: Of all its nodes; usable between :meth:`open` and :meth:`close`.
    volumes: Volumes

    @classmethod  # noqa: B027  # most engines need nothing of it
    def enter(cls, runtime: Path) -> None:
        """Put this process where the engine can work, such as a namespace in which it has rights; by default it can anywhere.

        Called by ``tfnz serve`` before the engine is made, and before the process has a second thread or a socket.
        ``runtime`` is the folder the engine will be given. Raises ``NotSupported`` naming what mends it. Does nothing where
        the process is there already.
        """

    @abstractmethod
    async def open(
        self,
        on_nodes: Callable[[tuple[NodeInfo, ...]], None],
        known: Mapping[str, ContainerSpec] | None = None,
    ) -> dict[str, Survivor]:
        """Make ready; called once, before anything else. What is left, by id, of the ``known`` containers of a killed location.

        ``on_nodes`` is called on the loop with all nodes before this returns, and again at each new sample (about one a
        second) and whenever a node comes or goes. Collects whatever else a dead location left behind. Raises ``EngineFailed``
        or ``NotSupported`` naming what is missing and the command that mends it.
        """

    @abstractmethod
    async def close(self) -> None:
        """End everything this engine holds and leave nothing behind. Idempotent."""

    async def image(self, reference: str) -> ImageInfo | None:
        """An image that its nodes have, or fetch by themselves; by default they have none.

        ``reference`` is a name, or ``.`` for the newest. Asked before any other source, in the name of the location's own
        user alone; what it finds is downloaded nowhere, and its ``source`` is the engine's name. None: others are asked.
        """
        return None

    @abstractmethod
    async def install(self, image: ImageInfo, blobs: Path, report: Report) -> None:
        """Make an image bootable from the OCI store (``blobs/sha256/<hex>``), or by what :meth:`image` found.

        Returns at once if it already is. Raises ``EngineFailed`` (broken layer, disk full), having left nothing half done.
        """

    async def uninstall(  # noqa: B027  # not every engine keeps any
        self, layers: Sequence[Layer], image: ImageInfo | None
    ) -> None:
        """Free what :meth:`install` made of an image that was removed, but for what live containers use.

        ``layers`` are those that no other image needs; ``image`` is None where another is the very same. Raises
        ``EngineFailed``, ``NotSupported``: something of it stays where it was put.
        """

    async def export(self, image: ImageInfo, file: Path, report: Report) -> None:
        """Write what :meth:`image` found to a file, as ``docker save`` does: who builds on it needs its layers.

        Raises ``EngineFailed``; ``NotSupported``: this engine never has them itself.
        """
        raise NotSupported(f"the {self.name} engine does not give its images away")

    def workshop(self, node: str) -> Workshop:
        """For the location's builder, whose steps run on that node. Raises ``NotSupported``: nothing is built there."""
        raise NotSupported(
            f"the {self.name} engine builds no images",
            hint="Build it at another location, push it to a registry, and spawn it from there.",
        )

    @abstractmethod
    async def boot(self, spec: ContainerSpec, node: str) -> Booted:
        """Start a container; returns when its command has been executed.

        One that is ``asleep`` is booted when its command only waits for :meth:`start`: processes, files and connections work.
        Cancelling it leaves nothing. Raises ``EngineFailed`` (with the runtime's words), ``UsageError`` (a bad path in
        ``files``, an unknown user).
        """

    @abstractmethod
    async def start(self, container: str) -> Running:
        """Run the command of a container that is asleep; one that is awake stays as it is.

        Returns its first process: the one :meth:`boot` gave, or, where the command was not there yet when it was booted,
        another (the processes started meanwhile have then ended). Raises ``ContainerEnded``, ``UsageError`` (it has no
        command), ``EngineFailed`` (no such command; a sleeper stays asleep).
        """

    @abstractmethod
    async def reboot(self, container: str, grace: float, *, reset: bool) -> Booted:
        """End all processes as :meth:`destroy` does, and run the command anew; one that is asleep stays asleep.

        Address, connections allowed, volumes and what was written survive; with ``reset``, what was written goes back to
        what it was just before the first process (``files`` are there again). The old first process is told as ended, its
        place is taken by the one returned. Raises ``ContainerEnded``; ``EngineFailed`` when it does not come up again,
        which is then its end.
        """

    @abstractmethod
    async def execute(self, container: str, spec: ProcessSpec) -> Running:
        """Start one more process in a live container. Raises ``ContainerEnded``, ``EngineFailed`` (no such command)."""

    def noted(self, process: str) -> None:  # noqa: B027  # an engine that keeps nothing has nothing to let go of
        """The server has noted how a process ended and all it printed: a later location need not be told. Never waits."""

    @abstractmethod
    async def destroy(self, container: str, grace: float) -> None:
        """Stop signal where the first process catches it, KILL after ``grace`` seconds, then free everything.

        Returns when nothing of the container is left. Idempotent; an unknown id does nothing.
        """

    @abstractmethod
    def files(self, container: str) -> Files:
        """The files of a live container, for as long as it lives. Raises ``ContainerEnded``."""

    @abstractmethod
    async def dial(self, container: str, port: int) -> socket.socket:
        """A TCP connection to a port of a container, as a non-blocking socket of the caller's.

        Tunnels are made of these. Raises ``OSError`` as a socket does (refused while nobody listens; ``TimeoutError`` soon
        where it does not answer: its queue of connections is full, try again), ``ContainerEnded``.
        """

    @abstractmethod
    async def allow(self, server: str, client: str) -> None:
        """Let a container open connections to another, on every port; not the other way round. Idempotent.

        It holds over reboots of both, until :meth:`disallow` or the end of one. By default no container reaches another.
        Raises ``ContainerEnded`` naming which of them is over.
        """

    @abstractmethod
    async def disallow(self, server: str, client: str) -> None:
        """Take that back; connections under way are cut. Idempotent; containers that are over have nothing to take back."""

    async def connect(
        self, container: str, port: int, protocol: Callable[[], asyncio.BaseProtocol]
    ) -> asyncio.Transport:
        """As :meth:`dial`, with a protocol of the location's loop on it."""
        sock = await self.dial(container, port)
        loop = asyncio.get_running_loop()
        try:
            transport, _protocol = await loop.create_connection(protocol, sock=sock)
        except BaseException:
            sock.close()
            raise
        return transport

    @abstractmethod
    async def usage(self, containers: Sequence[str]) -> dict[str, Usage]:
        """What these use at the moment; those that do not run are left out. Called about once a second.

        Raises ``EngineFailed``.
        """

    @abstractmethod
    async def beside(self, argv: Sequence[str], folder: Path) -> Running:
        """Run a program of the location's own from where every container's address can be reached: its web gateway.

        It works in ``folder``, which becomes its own with all in it, has no rights besides, and ends with the location.
        Never called with anything a user chose. Raises ``EngineFailed``, ``NotSupported`` (addresses cannot be reached).
        """

    async def reachable(self, container: str) -> bool:
        """Whether programs :meth:`beside` reach a container's address; elsewhere, :meth:`dial` alone leads to it.

        Raises ``ContainerEnded``.
        """
        return True

    async def publish(self, names: Mapping[str, Behind]) -> None:  # noqa: B027  # most have no way of their own
        """These are all the names that the location's gateway serves by now; an engine may lead visitors there, too.

        Called at each change, with running containers. Raises ``EngineFailed``, ``Refused``: the change is not made.
        """
