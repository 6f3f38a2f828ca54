"""One container as the location has it, from the first step of its boot until nothing is left."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from ...errors import ContainerEnded
from ..base import ContainerSpec, Exit, ProcessSpec
from . import accounts, bundle, messages, preboot, stats
from .bundle import Account, Machine, Places
from .files import Opened
from .firewall import RESOLVER
from .layers import folder_name
from .rootfiles import RootFiles
from .running import PipedRunning
from .threads import Threads

_PIDS = 512
T = TypeVar("T")


class Container:
    """Its descriptors, its live processes, and the files that make it.

    Args:
        spec: what was asked for.
        disk: its folder in ``state/containers``; made by :meth:`make_folders`.
        machine: what it will run on.
    """

    def __init__(self, spec: ContainerSpec, disk: Path, machine: Machine) -> None:
        self.spec, self.disk, self._machine = spec, disk, machine
        self.ip = ""
        self.running: dict[str, PipedRunning] = {}
        self.launching: dict[
            str, Exit | None
        ] = {}  # an end may be told before the start was noticed
        self.removal: asyncio.Task[None] | None = None
        self.unwanted = False  # somebody asked for its end
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
        )  # fmt: skip

    def make_folders(self) -> None:
        """The writable part, on disk. Its owner is set before the mount, which remembers it."""
        for folder in (self.disk, self.disk / "upper", self.disk / "work"):
            folder.mkdir()
            folder.chmod(0o755)
        os.chown(self.disk / "upper", self._machine.first_id, self._machine.first_id)

    def prepared(self, answer: messages.Prepared, fds: list[int]) -> Places:
        """Take what the keeper made; the descriptors are ours from now on."""
        self.ip, (self._root, self._folder) = answer.ip, fds
        return Places(answer.root, answer.netns, answer.sysfs, answer.folder)

    def recalled(self, ip: str, fds: list[int]) -> None:
        """Take what an earlier location had made; the descriptors are ours from now on."""
        self.ip, (self._root, self._folder) = ip, fds

    def furnish(self, places: Places) -> None:
        """Write what the container is to find: the user's files, those it always has, its ``config.json``."""
        spec, first = self.spec, self._machine.first_id
        for path, content in spec.files:
            preboot.write_file(RootFiles(self._root, first), path, content)
        provided = bundle.provided_files(spec.hostname, self.ip, str(RESOLVER))
        for name, content in provided.items():
            self._write(name, content, first)
        config = bundle.config(spec, self._account(spec.user), self._machine, places, self._memory)
        self._write("config.json", msgspec.json.encode(config), 0, mode=0o600)

    def write_process(self, spec: ProcessSpec) -> None:
        """Write what crun is to execute in it."""
        own = self.spec
        account = self._account(own.user if spec.user is None else spec.user)
        env = own.env if spec.env is None else spec.env
        lines = bundle.environment(env, account.home, own.hostname)
        cwd = own.cwd if spec.cwd is None else spec.cwd
        process = bundle.process(spec.argv, lines, cwd, account, self._machine)
        self._write(messages.END + spec.id, msgspec.json.encode(process), 0, mode=0o600)

    def _account(self, user: str) -> Account:
        files = RootFiles(self._root, self._machine.first_id)
        return accounts.resolve(user, files.read_text("/etc/passwd"), files.read_text("/etc/group"))

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
        async with self._files:
            for fd in (self._root, self._folder):
                if fd >= 0:
                    os.close(fd)
            self._root = self._folder = -1


def ended(container: str) -> ContainerEnded:
    """The error for whoever wants something of a container that is over."""
    return ContainerEnded(f"container {container} has ended")
