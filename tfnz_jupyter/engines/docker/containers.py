"""One container on a host: how it comes up, again too, and how it goes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiodocker

from ...errors import ContainerEnded, EngineFailed, TfnzError, UsageError
from .. import reasons
from ..base import Booted, ContainerSpec, Exit, ProcessSpec, Survivor
from . import manifest, toolbox, words
from .hosts import BROKEN, Host
from .processes import Beside, First
from .running import KILLED, DockerRunning, from_code

_STREAMS = f"stream=1&stdin=1&stdout=1&stderr=1&detachKeys={manifest.DETACH}"
_STEP = 0.003  # seconds between two looks at a process that is just being executed
#: A program has been executed, or one that is gone has told why it was not, within this time (seconds).
_LATE = 20.0
#: That a container has died, and what was refused or lost with it, is known within this time of each other (seconds).
_KNOWN = 2.0
_EARLY = 100  # ends of execs that are kept, of those that nobody knows yet


class Container:
    """See the module's docstring. ``over`` once it has ended for good.

    Args:
        ip: its address, for as long as there is anything of it.
    """

    def __init__(self, spec: ContainerSpec, host: Host, ip: str) -> None:
        self.spec, self.host, self.ip = spec, host, ip
        self.image, self.volumes = "", dict[str, str]()
        self.id = ""  # Docker's
        self.pid = 0
        self.asleep = spec.asleep
        self.over = self.unwanted = False
        self.turning = asyncio.Lock()  # held while it boots, wakes or reboots
        self.rebooting = self._is_equipped = False
        self.retiring: asyncio.Future[None] | None = None  # under way, or done
        self.running: DockerRunning | None = None
        self.processes: dict[str, DockerRunning] = {}  # by Docker's id of an exec
        self._early: dict[str, Exit] = {}  # ends of execs that were told before we knew them
        self._died = asyncio.Event()
        self._given_up = asyncio.Event()

    @property
    def docker(self) -> aiodocker.containers.DockerContainer:
        """The container, to ask things of."""
        return self.host.docker.containers.container(self.id)

    def end_of_it(self) -> ContainerEnded:
        """What is said of one that has ended."""
        return ContainerEnded(f"container {self.spec.id} has ended")

    @classmethod
    async def recalled(cls, spec: ContainerSpec, host: Host, key: str) -> Container:
        """One that a dead location left, as it is now."""
        found = await host.docker.containers.container(key).show()
        settings = found["NetworkSettings"]["Networks"][host.network.name]
        ip = (settings.get("IPAMConfig") or {}).get("IPv4Address") or settings["IPAddress"]
        self = cls(spec, host, host.network.take(ip))
        self.id, self.pid = key, int(found["State"]["Pid"])
        self.image = found["Config"]["Image"]
        self.volumes = await host.mounted(found)
        host.firewall.recall(ip, spec.egress)
        await self._join()
        return self

    async def _join(self) -> None:
        """Take hold of its streams again; what was printed meanwhile is gone."""
        self.asleep = self.spec.asleep and self.pid > 0 and await self._is_waiting()
        stream = await self.host.way.stream(f"containers/{self.id}/attach?{_STREAMS}")
        self.running = DockerRunning(stream, First(self), self.spec.terminal)

    async def _is_waiting(self) -> bool:
        """Whether its first process is still at its gate."""
        if self.host.is_near:
            return manifest.BUSYBOX in _command(self.pid)
        rows = (await self.docker.top(ps_args="-o pid,args")).get("Processes") or [[]]
        return any(manifest.BUSYBOX in word for word in rows[0])

    def survivor(self) -> Survivor:
        """What the server gets of one that was taken over; of its other processes nobody has the streams."""
        assert self.running is not None
        return Survivor(Booted(self.host.name, self.ip, self.running), {})

    # -- coming up

    async def boot(self) -> DockerRunning:
        """Create it and run its command. Raises what is wrong with it, having left nothing."""
        try:
            await self.host.firewall.admit(self.ip, self.spec.egress)
            await self._create()
            return await self._run()
        except BROKEN as problem:
            self.host.images.discard(self.spec.image.id)  # somebody may have removed it
            await self.free()
            raise self._why(problem) from problem
        except BaseException:
            await self.free()
            raise

    async def _create(self) -> None:
        half = self.host.memory // 2
        asked = manifest.container(
            self.spec, self.image, self.host.network.name, self.ip, self.host.labels,
            self.volumes, half,
        )  # fmt: skip
        made = await self.host.docker.containers.create(asked, name=f"tfnz-{self.spec.id}")
        self.id = made.id
        gated = self._is_equipped = manifest.is_gated(self.spec)
        if files := manifest.files(self.spec, toolbox.busybox() if gated else b""):
            await made.put_archive("/", files)

    async def _run(self) -> DockerRunning:
        """Start it; its streams are there before its first word."""
        stream = await self.host.way.stream(f"containers/{self.id}/attach?{_STREAMS}")
        first = First(self)
        running = self.running = DockerRunning(stream, first, self.spec.terminal)
        try:
            await self.docker.start()
            self._died.clear()  # not before: what is told until now ended in the life before
            self._seen(await self._state())
            if manifest.is_gated(self.spec):
                await self._begin(running)
            else:
                await self._executed(running, self.pid, self.spec.argv)
        except BaseException:
            running.exited(KILLED)
            running.release()
            raise
        return running

    async def _begin(self, running: DockerRunning) -> None:
        """Of one that waits at its gate: its terminal, and, if it is awake, its command."""
        if self.spec.terminal is not None:
            await running.resize(self.spec.terminal.columns, self.spec.terminal.rows)
        if not self.asleep:
            await self._open_gate()

    async def _open_gate(self) -> None:
        """Let its command run. Raises ``EngineFailed``: there is none of that name."""
        opener = await self.host.make_exec(self.id, manifest.opening(self.spec.argv))
        code = await self._code_of(opener)
        if code == 127:
            raise reasons.no_command(self.spec.argv[0], self.spec.image.reference)
        if code:
            raise reasons.unexplained(
                self.spec.argv[0], self.spec.image.reference, "its gate is gone"
            )

    async def _code_of(self, opener: str) -> int:
        """Of what opens the gate; 0 where the container has ended since, and Docker is silent for ever about what ran in it."""
        doing = asyncio.ensure_future(self.host.code_of(opener))
        death = asyncio.ensure_future(self._died.wait())
        try:
            await asyncio.wait({doing, death}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({doing}, timeout=_KNOWN)
            return doing.result() if doing.done() else 0
        finally:
            doing.cancel()
            death.cancel()
            await asyncio.gather(doing, death, return_exceptions=True)

    async def _executed(self, running: DockerRunning, pid: int, argv: tuple[str, ...]) -> None:
        """Return once a process is the program it should be; raises if it never will be."""
        if self.host.is_near:
            await _passed(lambda: not _is_runtime(_program(pid)), _LATE)
            if _program(pid):
                return
        said = await running.first_word(_LATE if self.host.is_near else _STEP)
        if said is not None and words.is_late(said):
            raise words.why(said.decode("utf-8", "replace"), argv, self.spec)

    # -- once more

    async def awake(self) -> DockerRunning:
        """Run the command of one that sleeps."""
        assert self.running is not None
        if self.asleep:
            if not self.spec.argv:
                raise UsageError(f"container {self.spec.id} has nothing to run")
            try:
                await self._open_gate()
            except (EngineFailed, *BROKEN) as problem:
                raise await self.meaning(problem) from problem
            self.asleep = False
        return self.running

    async def again(self, grace: float, *, reset: bool) -> DockerRunning:
        """End all that runs in it and run its command anew; a reset makes it anew."""
        self.rebooting = True
        try:
            await self.stop(grace)
            if self.unwanted:
                raise self.end_of_it()
            if reset:
                await self.host.remove(self.id)
                await self._create()
            running = await self._run()
            self.over = self._died.is_set()  # at once
            return running
        except BROKEN as problem:
            raise self._why(problem) from problem
        finally:
            self.rebooting = False

    # -- one more process

    async def execute(self, spec: ProcessSpec) -> DockerRunning:
        """Start it. Raises ``EngineFailed``."""
        if not self.host.is_near:
            await self._equip()
        asked = manifest.process(spec, says_number=not self.host.is_near)
        key = await self.host.make_exec(self.id, asked)
        tty = spec.terminal is not None
        stream = await self.host.way.stream(f"exec/{key}/start", {"Detach": False, "Tty": tty})
        process = Beside(self, key)
        running = self.processes[key] = DockerRunning(stream, process, spec.terminal)
        if key in self._early:
            self.process_died(key, self._early.pop(key))
        try:
            await self._started(running, process, spec)
        except BaseException:
            running.exited(KILLED)
            running.release()
            self.processes.pop(key, None)
            raise
        return running

    async def _equip(self) -> None:
        """Bring along what it takes to signal its processes, once."""
        if not self._is_equipped:
            await self.docker.put_archive("/", manifest.tools(toolbox.busybox()))
            self._is_equipped = True

    async def _started(self, running: DockerRunning, process: Beside, spec: ProcessSpec) -> None:
        """Until it runs, or has run. Its words may be Docker's, about why it does not."""
        if not self.host.is_near:
            return await self._numbered(running, process, spec)
        while not running.ended and not process.pid:
            await process.ask()
            await asyncio.sleep(0 if running.ended or process.pid else _STEP)
        if not running.ended:
            if spec.terminal is not None:
                await running.resize(spec.terminal.columns, spec.terminal.rows)
            await self._executed(running, process.pid, spec.argv)
            return
        said = await running.first_word(_LATE)
        if said is not None and (words.is_refusal(said) or words.is_late(said)):
            raise words.why(said.decode("utf-8", "replace"), spec.argv, self.spec)

    async def _numbered(self, running: DockerRunning, process: Beside, spec: ProcessSpec) -> None:
        """The same where its number is what it says itself."""
        said = await running.first_line(_LATE)
        if said == b"missing":
            raise reasons.no_command(spec.argv[0], self.spec.image.reference)
        if not said.isdigit():
            raise words.why(said.decode("utf-8", "replace"), spec.argv, self.spec)
        process.pid = int(said)
        if spec.terminal is not None and not running.ended:
            await running.resize(spec.terminal.columns, spec.terminal.rows)

    # -- ends

    def died(self, how: Exit) -> None:
        """Its first process has ended, and with it all others."""
        if self._died.is_set():
            return
        self._died.set()
        if self.running is not None:
            self.running.exited(how)
        for key in [*self.processes]:
            self.process_died(key, KILLED)
        self.over = self.over or not self.rebooting

    def process_died(self, key: str, how: Exit) -> None:
        """A process beside the first has ended; perhaps we have not heard that it began."""
        running = self.processes.pop(key, None)
        if running is not None:
            running.exited(how)
        else:  # of one that is just begun, or of none of ours: a health check of the image's
            while len(self._early) >= _EARLY:
                del self._early[next(iter(self._early))]
            self._early[key] = how

    async def look_around(self) -> None:
        """Some process beside the first has ended; Podman does not say which."""
        for running in [*self.processes.values()]:
            await running.ask()

    def lost(self, why: str) -> None:
        """Nobody knows what became of it."""
        unknown = Exit(reason=why)
        for running in [self.running, *self.processes.values()]:
            if running is not None:
                running.exited(unknown)
        self.processes.clear()
        self.over = True
        self._died.set()

    def give_up(self) -> None:
        """It is to be destroyed: who waits for a slow end need not any longer."""
        self.unwanted = True
        self._given_up.set()

    async def stop(self, grace: float) -> None:
        """Stop signal where the first process catches it, KILL after ``grace`` seconds; returns when it has died."""
        if self._died.is_set() or not self.id:
            return
        number = reasons.signal_number(self.spec.image.stop_signal)
        if grace > 0 and not self.asleep and self._catches(number):
            await self._kill(number)
            await self._dies_within(grace)
        await self._kill(9)
        await self._died.wait()

    async def _dies_within(self, grace: float) -> None:
        """Until it has died, time is up, or, while it reboots, it is to be destroyed."""
        events = [self._died, self._given_up] if self.rebooting else [self._died]
        ends = [asyncio.ensure_future(event.wait()) for event in events]
        await asyncio.wait(ends, timeout=grace, return_when=asyncio.FIRST_COMPLETED)
        for end in ends:
            end.cancel()

    async def _kill(self, number: int) -> None:
        try:
            await self.docker.kill(signal=str(number))
        except aiodocker.DockerError as problem:
            if problem.status not in (404, 409):
                raise
            await self.resync()

    async def kill(self, number: int) -> None:
        """Send the first process a signal; nothing where it has ended."""
        with contextlib.suppress(*BROKEN):
            await self._kill(number)

    async def resync(self) -> None:
        """Ask whether it runs; if not, it has died."""
        try:
            self._seen(await self._state())
        except aiodocker.DockerError as problem:
            if problem.status != 404:
                raise
            self.died(KILLED)

    async def _state(self) -> dict[str, Any]:
        state: dict[str, Any] = (await self.docker.show())["State"]
        return state

    def _seen(self, state: dict[str, Any]) -> None:
        """Take in what Docker says of it: its number, or that it has died."""
        self.pid = int(state["Pid"])
        if not state["Running"] and not state.get("Restarting") and state["Status"] != "created":
            oom = bool(state.get("OOMKilled"))
            self.died(from_code(int(state["ExitCode"]), out_of_memory=oom))

    async def free(self) -> None:
        """Remove it, and give its address back. Idempotent."""
        self.over = True
        if self.id:
            await self.host.remove(self.id)
        self.died(KILLED)
        await self.host.firewall.forget(self.ip)
        self.host.network.free(self.ip)

    async def is_ending(self) -> bool:
        """Whether it has died, or is just dying."""
        if not self.over and not self.rebooting:
            with contextlib.suppress(*BROKEN):
                await self.resync()
        return self.over or self.unwanted

    async def meaning(self, problem: BaseException) -> TfnzError:
        """What it means that something could not be done in it: often that it has just died, which Docker learns last."""
        if not isinstance(problem, EngineFailed) or reasons.is_unexplained(problem):
            await self._dies_within(_KNOWN)
        if await self.is_ending():
            return self.end_of_it()
        return problem if isinstance(problem, EngineFailed) else self.host.failed(problem)

    def _catches(self, number: int) -> bool:
        """Whether the first process has a handler for a signal; yes where one cannot look."""
        if not self.host.is_near:
            return True
        for line in _status(self.pid):
            if line.startswith("SigCgt:"):
                return bool(int(line.split()[1], 16) >> (number - 1) & 1)
        return False

    def _why(self, problem: BaseException) -> TfnzError:
        text = problem.message if isinstance(problem, aiodocker.DockerError) else str(problem)
        return words.why(text, self.spec.argv, self.spec)


async def _passed(condition: Callable[[], bool], within: float) -> None:
    """Return once something is so, or the time is up."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        if condition():
            return
        await asyncio.sleep(_STEP)


def _status(pid: int) -> Iterator[str]:
    with contextlib.suppress(OSError):
        yield from Path(f"/proc/{pid}/status").read_text().splitlines()


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace")


def _program(pid: int) -> str:
    """What a process executes; empty where it has ended, or is just ending."""
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return ""


def _is_runtime(program: str) -> bool:
    """Whether it is the one that is about to execute another."""
    return "runc" in program or "crun" in program or program.startswith("/memfd:")
