"""One container as the location has it, from the first step of its boot until nothing is left."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

import msgspec

from ...errors import ContainerEnded
from .. import accounts
from ..accounts import Account
from ..base import ContainerSpec, Exit, ProcessSpec
from ..threads import Threads
from . import bundle, messages, preboot, programs, stats
from .bundle import IDS, Machine, Places
from .disk import Disk
from .files import Opened
from .firewall import RESOLVER
from .layers import folder_name
from .rootfiles import RootFiles
from .running import PipedRunning

_PIDS = 512
_JUST_NOW = 2.0  # seconds
#: What a sleeper would run whose command is not there: it is told to be something else before it could.
_NOTHING = ("/proc/self/exe",)
_DISK = 10 << 30
_LARGE = 4096  # characters
T = TypeVar("T")


class Container:
    """Its descriptors, its live processes, and the files that make it.

    Args:
        spec: what was asked for.
        disk: what it writes to; :meth:`make_folders` makes its part.
        machine: what it will run on.
    """

    def __init__(self, spec: ContainerSpec, disk: Disk, machine: Machine) -> None:
        self.spec, self.disk, self._machine = spec, disk, machine
        self.ip = ""
        self.running: dict[str, PipedRunning] = {}
        self.launching: dict[
            str, Exit | None
        ] = {}  # an end may be told before the start was noticed
        self.removal: asyncio.Task[None] | None = None
        self.unwanted = False  # somebody asked for its end
        self.asleep = spec.asleep
        self.user = 0  # host id of its first process's user
        self.turns = 0  # how often it was rebooted
        self.rebooting = False  # the end of its first process is not its end
        self.settled = asyncio.Event()  # its boot has come to an end, whichever
        self.turning = asyncio.Lock()  # held while it wakes or reboots
        self._memory = spec.limits.memory or stats.total_memory() // 2
        self._root = self._folder = -1  # see messages.Prepared
        self._files = asyncio.Lock()  # held by whoever uses them, and to close them
        self.opened = Opened()
        self._seen = -1  # the root as its first process sees it
        self._seen_by: PipedRunning | None = None

    # -- processes -----------------------------------------------------------------------------------------------------

    def exited(self, name: str, how: Exit) -> None:
        """One of its processes has ended."""
        if name in self.launching:
            self.launching[name] = how
        elif name in self.running:
            self.running.pop(name).exited(how)

    async def ending(self) -> None:
        """Return when its first process has ended, or it is plain that it does not just now."""
        first = self.running.get(self.spec.id)
        with contextlib.suppress(TimeoutError):
            if first is not None:
                await asyncio.wait_for(first.wait(), _JUST_NOW)

    def everything_exited(self, how: Exit) -> None:
        for name in [*self.running, *self.launching]:
            self.exited(name, how)

    # -- what it is made of --------------------------------------------------------------------------------------------

    def preparation(self, seq: int) -> messages.Prepare:
        """What to ask of the keeper first."""
        limits = self.spec.limits
        layers = [folder_name(layer) for layer in self.spec.image.layers]
        pids = limits.pids or _PIDS
        owner = self._machine.first_id
        egress = self.spec.egress
        return messages.Prepare(
            seq, self.spec.id, layers, self._memory, limits.cpus, pids,
            egress if isinstance(egress, str) else list(egress), owner,
            self.spec.terminal is not None, self.asleep, bool(self.spec.files),
            [volume for volume, _place in self.spec.volumes], limits.pids is not None,
            self._is_large(),
        )  # fmt: skip

    def _is_large(self) -> bool:
        """Whether its ``config.json`` could be longer than a pipe holds, which is 16 times as much, however it is escaped."""
        spec = self.spec
        words = [*spec.argv, *itertools.chain(*spec.env), *itertools.chain(*spec.volumes)]
        return sum(map(len, words)) > _LARGE

    def make_folders(self) -> None:
        """The writable part, on disk. Raises ``NotSupported`` where its size cannot be limited as asked for."""
        limit = self.spec.limits.disk
        if limit is None and not self.disk.lacking:
            limit = _DISK
        parts = ("files", "upper") if self.spec.files else ("upper",)
        self.disk.make_container(self.spec.id, parts, limit)

    def prepared(self, answer: messages.Prepared, fds: list[int]) -> Places:
        """Take what the keeper made; the descriptors are ours from now on."""
        self.ip, (self._root, self._folder) = answer.ip, fds
        volumes = tuple(answer.volumes)
        return Places(answer.root, answer.netns, answer.sysfs, answer.folder, volumes)

    def recalled(self, ip: str, fds: list[int], *, asleep: bool) -> None:
        """Take what an earlier location had made; the descriptors are ours from now on."""
        self.ip, (self._root, self._folder) = ip, fds
        self.asleep = asleep

    def write_files(self) -> None:
        """Write the user's files, and keep no more of them than their paths."""
        files = RootFiles(self._root, self._machine.first_id)
        for path, content in self.spec.files:
            preboot.write_file(files, path, content)
        paths = tuple((path, b"") for path, _content in self.spec.files)
        self.spec = replace(self.spec, files=paths)

    def furnish(self, places: Places) -> None:
        """Write what the container is to find beside: the files it always has, its ``config.json``."""
        provided = bundle.provided_files(self.spec.hostname, self.ip, str(RESOLVER))
        for name, content in provided.items():
            self._write(name, content, self._machine.first_id)
        self.configure(places)

    def configure(self, places: Places) -> None:
        """Write its ``config.json``, anew if there is one."""
        spec = self.spec
        if self.asleep:
            spec = spec if self.has_command() else replace(spec, argv=_NOTHING)
        account = self._account(spec.user)
        self.user = self.owner + account.uid
        config = bundle.config(spec, account, self._machine, places, self._memory)
        with contextlib.suppress(FileNotFoundError):
            os.unlink("config.json", dir_fd=self._folder)
        self._write("config.json", msgspec.json.encode(config), 0, mode=0o600)

    @property
    def owner(self) -> int:
        """The host id of its root."""
        return self._machine.first_id

    def forget_changes(self) -> None:
        """Remove what the keeper put aside at a reset."""
        self.disk.forget_changes(self.spec.id)

    def is_hollow(self) -> bool:
        """Whether it was put to sleep without its command."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open("config.json", flags, dir_fd=self._folder), "rb") as file:
            return bool(msgspec.json.decode(file.read())["process"]["args"] == list(_NOTHING))

    def has_command(self) -> bool:
        """Whether what it is to run is there to be run."""
        spec, files = self.spec, RootFiles(self._root, self._machine.first_id)
        return bool(spec.argv) and programs.is_there(files, spec.argv[0], spec.env, spec.cwd)

    def write_process(self, spec: ProcessSpec) -> int:
        """Write what crun is to execute in it; the host id of its user."""
        own = self.spec
        account = self._account(own.user if spec.user is None else spec.user)
        env = own.env if spec.env is None else spec.env
        lines = accounts.environment(env, account.home, own.hostname, spec.terminal)
        cwd = own.cwd if spec.cwd is None else spec.cwd
        process = bundle.process(spec.argv, lines, cwd, account, self._machine, spec.terminal)
        self._write(messages.END + spec.id, msgspec.json.encode(process), 0, mode=0o600)
        return self.owner + account.uid

    def _account(self, user: str) -> Account:
        files = RootFiles(self._root, self._machine.first_id)
        passwd, group = files.read_text("/etc/passwd"), files.read_text("/etc/group")
        return accounts.resolve(user, passwd, group, IDS)

    def _write(self, name: str, content: bytes, owner: int, *, mode: int = 0o644) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(name, flags, mode, dir_fd=self._folder), "wb") as file:
            file.write(content)
            os.fchown(file.fileno(), owner, owner)

    # -- descriptors ---------------------------------------------------------------------------------------------------

    async def with_files(self, threads: Threads, deed: Callable[[], T]) -> T:
        """Do something with its descriptors, which nobody closes meanwhile. Raises ``ContainerEnded``."""
        async with self._files:
            if self._root < 0:
                raise ended(self.spec.id)
            return await threads.run(deed)

    async def root(self, look: Callable[[], Awaitable[int]]) -> int:
        """What its processes see as ``/``, volumes included: a descriptor, the caller's to close.

        Args:
            look: asks the keeper for one.

        Raises:
            ContainerEnded: it is over.
        """
        async with self.turning:
            first = self.running.get(self.spec.id)
        if first is not None and self._seen_by is not first:  # a reboot makes another
            found = await look()
            if self.running.get(self.spec.id) is first:
                self._see(found, first)
            else:
                os.close(found)
                first = None
        if first is None or self._seen < 0:
            raise ended(self.spec.id)
        return os.dup(self._seen)

    def _see(self, root: int, by: PipedRunning | None) -> None:
        if self._seen >= 0:
            os.close(self._seen)
        self._seen, self._seen_by = root, by

    async def close(self) -> None:
        """Let go of what we hold of it: as long as we do, its mounts live."""
        await self.opened.close()
        self._see(-1, None)
        await self.let_go()

    async def let_go(self) -> None:
        """Close what :meth:`prepared` brought; it may bring more."""
        async with self._files:
            for fd in (self._root, self._folder):
                if fd >= 0:
                    os.close(fd)
            self._root = self._folder = -1


def ended(container: str) -> ContainerEnded:
    """The error for whoever wants something of a container that is over."""
    return ContainerEnded(f"container {container} has ended")
