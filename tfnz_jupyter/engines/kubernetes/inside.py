"""What goes on within one Pod: its first process, others beside it, its files, its ports. Over its desk: see ``init``."""

from __future__ import annotations

import asyncio
import contextlib

from ...errors import ContainerEnded, Ended, EngineFailed, TfnzError, UsageError
from .. import accounts, places, reasons
from ..base import ContainerSpec, Exit, ProcessSpec, Usage
from ..files import Files
from . import streams
from .api import Api
from .desk import Desk
from .files import PodFiles
from .init import quoted
from .ports import Ports
from .running import Count, PodRunning
from .specs import spec as spec_of

_IDS = (1 << 32) - 1
_KILLED = Exit(signal=9)
_SOON = 2.0  # seconds
_AT_ONCE = 1 << 20  # bytes of pre-boot files sent at once
_REASONS = {
    "missing": reasons.no_command,
    "interpreter": reasons.no_interpreter,
    "garbage": reasons.no_program,
    "forbidden": reasons.not_allowed,
}


class Inside:
    """One Pod's.

    Args:
        api: of its cluster.
        path: of the Pod.
        spec: what is to run in it.
    """

    def __init__(self, api: Api, path: str, spec: ContainerSpec) -> None:
        self._spec = spec
        self._desk = Desk(lambda: streams.desk(api, path), spec.id, self._stranger)
        self._running: dict[str, PodRunning] = {}
        self._asleep = spec.asleep
        self._life = ""  # of the container, in which the command was run last
        self._files = PodFiles(self._desk)
        self.ports = Ports(api, path, self._desk)
        self._lost: Exit | None = None

    def _stranger(self, process: str) -> PodRunning:
        return PodRunning.found(process, self._desk)

    # -- the first process ---------------------------------------------------------------------------------------------

    async def run(self) -> PodRunning:
        """Write the pre-boot files and run the command, unless it is asleep, in a life of the container that is new.

        Returns once it runs. Raises ``UsageError`` (a path no file can be written at, an unknown user), ``EngineFailed``
        (no such command), ``ContainerEnded``.
        """
        self.reset()
        await self._desk.open(after=self._life)
        self._over_with_it()
        self._life = self._desk.life
        if self._spec.files:
            await self._write_files()
        return await self._first()

    async def _first(self) -> PodRunning:
        own = self._spec
        account = await self._account(own.user)
        env = accounts.environment(own.env, account.home, own.hostname, own.terminal)
        text = spec_of(own.argv, env, own.cwd, account, own.terminal)
        running = PodRunning(own.id, self._desk, own.terminal)
        await self._begin(running, text, own.argv, go=not self._asleep)
        return running

    async def _write_files(self) -> None:
        some: list[tuple[str, bytes]] = []
        for path, content in self._spec.files:
            some.append((places.check_file(path), content))
            if sum(len(one) for _path, one in some) > _AT_ONCE:
                await self._write(some)
                some = []
        await self._write(some)

    async def _write(self, files: list[tuple[str, bytes]]) -> None:
        code = "\n".join(
            f'put {quoted(path)} "$data.{number}" || {{ echo {number}; exit 1; }}'
            for number, (path, _content) in enumerate(files)
        )
        answer = await self._desk.ask(f"({code}\n)", [content for _path, content in files])
        if answer.code:
            words, _, number = str(answer).strip().rpartition("\n")
            reason = words.rpartition(": ")[2].strip()
            raise UsageError(f"pre-boot file {files[int(number)][0]!r}: {reason} in the image")

    async def start(self) -> PodRunning:
        """Wake it; one that is awake stays as it is. Raises as :meth:`run`; ``UsageError``: it has no command."""
        first = self._running.get(self._spec.id)
        if first is None or self._lost is not None:
            raise self._ended()
        if self._asleep:
            if not self._spec.argv:
                raise UsageError("there is nothing to run", hint="Give the spawn a command.")
            answer = await self._desk.ask(f"wake {first.id}")
            if answer.code:
                raise self._why(self._spec.argv, str(answer))
            self._asleep = False
        return first

    async def end(self, grace: float) -> None:
        """The stop signal to the first process where it catches it, KILL to all once it has ended or the grace is over.

        Returns when it is told how it ended, and all that it printed is here.
        """
        first = self._running.get(self._spec.id)
        if first is None:
            return
        with contextlib.suppress(Ended):
            await self._stop(first, grace)
        if self._asleep:
            first.lost(_KILLED)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):  # of children of it that print without end
                await first.wait()
                await first.drained()
        for running in self._running.values():
            running.exited(_KILLED)

    async def _stop(self, first: PodRunning, grace: float) -> None:
        if grace > 0:
            number = reasons.signal_number(self._spec.image.stop_signal)
            answer = await self._desk.ask(f"stop {first.id} {number}")
            if answer.text.startswith(b"asked"):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(grace):
                        await first.wait()
        await first.signal(9)

    async def reboot(self, grace: float) -> PodRunning:
        """End all in it, and run the command anew on what was written. Raises as :meth:`run`."""
        await self.end(grace)
        self.reset()
        await self._desk.clear()
        self._life = self._desk.life
        return await self._first()

    def reset(self) -> None:
        """The container is made anew: every process that was there is told that it was killed."""
        for running in self._running.values():
            running.lost(_KILLED)
        self._running.clear()
        self._desk.present.clear()

    def hurry(self) -> None:
        """The cluster says that its container runs."""
        self._desk.hurry()

    async def drained(self) -> None:
        """Return once all that the first process printed before its end is here."""
        first = self._running.get(self._spec.id)
        if first is not None:
            await first.drained()

    def lost(self, how: Exit) -> None:
        """The Pod is over: so is all in it. Whoever has not been told otherwise ended like that; idempotent."""
        self._lost = self._lost or how
        for running in self._running.values():
            running.lost(how)
        self._desk.close()
        self.ports.close()

    # -- processes beside it -------------------------------------------------------------------------------------------

    async def execute(self, spec: ProcessSpec) -> PodRunning:
        """One more process. Raises ``EngineFailed`` (no such command), ``UsageError`` (no such user), ``ContainerEnded``."""
        own = self._spec
        account = await self._account(own.user if spec.user is None else spec.user)
        env = own.env if spec.env is None else spec.env
        lines = accounts.environment(env, account.home, own.hostname, spec.terminal)
        text = spec_of(spec.argv, lines, spec.cwd or own.cwd, account, spec.terminal)
        running = PodRunning(spec.id, self._desk, spec.terminal)
        await self._begin(running, text, spec.argv)
        return running

    async def _begin(
        self, running: PodRunning, text: str, argv: tuple[str, ...], *, go: bool = True
    ) -> None:
        """Make all it needs, and run it; where that fails, nothing is left."""
        self._running[running.id] = running
        said = text.encode("utf-8", "surrogateescape")
        state = "awake" if go else "asleep"
        head = f"n {running.id} {len(said)} {state}\n".encode()
        try:
            answer = await self._desk.ask(f"began {running.id}" if go else ":", (), (head, said))
            if answer.code:
                raise self._why(argv, str(answer))
        except BaseException:
            self._forget(running.id)
            raise

    def _why(self, argv: tuple[str, ...], words: str) -> TfnzError:
        command, image = (argv[0] if argv else ""), self._spec.image.reference
        reason = _REASONS.get(words.strip())
        if reason is not None:
            return reason(command, image)
        return reasons.unexplained(command, image, words)

    def noted(self, process: str) -> None:
        """Nothing more of it will be asked for."""
        running = self._running.get(process)
        if running is not None and process != self._spec.id and self._lost is None:
            self._forget(process)

    def _forget(self, process: str) -> None:
        self._running.pop(process, None)
        forgetting = asyncio.ensure_future(self._forgotten(process))
        forgetting.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _forgotten(self, process: str) -> None:
        with contextlib.suppress(ContainerEnded):
            await self._desk.ask(f"forget {process}")
        self._desk.present.pop(process, None)

    async def _account(self, user: str) -> accounts.Account:
        """Who that is in the image, as its files say now."""
        answer = await self._desk.ask("read_accounts")
        passwd, _, group = str(answer).partition("\0")
        return accounts.resolve(user, passwd, group, _IDS)

    # -- after a restart of the location -------------------------------------------------------------------------------

    async def recall(self) -> tuple[PodRunning, dict[str, PodRunning]]:
        """What runs in a Pod that an earlier location left, or ended unnoted: its first process, and others by id.

        Raises:
            EngineFailed: its first process is not there.
        """
        await self._desk.open()
        self._life = self._desk.life
        await self._desk.ask("release_all")
        answer = await self._desk.ask("list_all")
        for line in str(answer).splitlines():
            process, state, kind, *numbers = line.split()
            running = self._desk.present.get(process)
            if not isinstance(running, PodRunning):
                running = PodRunning(process, self._desk)
            running.terminal = kind == "terminal"
            fed = (int(numbers[0]), int(numbers[1]))
            out, err = (Count(*map(int, some)) for some in (numbers[2:5], numbers[5:8]))
            running.recall(fed, out, err)
            self._running[process] = running
            if process == self._spec.id:
                self._asleep = state == "asleep"
        others = dict(self._running)
        first = others.pop(self._spec.id, None)
        if first is None:
            raise EngineFailed(f"container {self._spec.id} has no first process any more")
        return first, others

    # -- files, ports, usage -------------------------------------------------------------------------------------------

    def files(self) -> Files:
        """Its files, as long as it lives."""
        return self._files

    async def usage(self) -> Usage | None:
        """What it uses; None where it does not run, or does not say so soon: others are waiting to be asked."""
        try:
            async with asyncio.timeout(_SOON):
                answer = await self._desk.ask("usage")
            cpu, memory, processes = map(int, str(answer).split())
        except (Ended, ValueError, TimeoutError):
            return None
        return Usage(cpu, max(0, memory), processes)

    def _over_with_it(self) -> None:
        if self._lost is not None:
            raise self._ended()

    def _ended(self) -> ContainerEnded:
        return ContainerEnded(f"container {self._spec.id} has ended")
