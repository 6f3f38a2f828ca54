"""All the keeper holds, and what it does when something happens. One thread; nothing in here waits.

Who is told what: every request is answered once, when it is done; the end of every process is told when it is reaped. crun
is gone when a command runs, so its process becomes ours by the rules of the kernel: it may end before we have read its pid
from crun's file, and its status is then kept for the moment we do.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import traceback
from functools import partial
from pathlib import Path

from . import gauge, messages, offspring, sweep, tally
from .border import Border
from .cell import Cell, Process
from .cells import Hall
from .cgroups import Cgroups, tag
from .companions import Companions
from .conversation import Conversation
from .endings import Endings
from .keepsakes import Keepsakes
from .launch import Launch
from .messages import Request
from .network import Wire
from .reactor import Reactor
from .slots import Slots

_RETRY = 0.005  # seconds between looks whether a launch is over


class Household:
    """All the keeper holds, and what it does when something happens."""

    def __init__(self, state: Path, runtime: Path, linger: float) -> None:
        self._state, self._linger = state, linger
        self._reactor = Reactor()
        self._conversation = Conversation(self._reactor, self._handle, self._on_silence)
        self._say = self._conversation.say
        self._cells: dict[str, Cell] = {}
        self._owners: dict[int, tuple[Cell, str]] = {}  # pid of a live process -> whose
        self._launches: dict[int, Launch] = {}  # pid of a crun
        self._keepsakes = Keepsakes()
        self._unclaimed: dict[int, int] = {}  # statuses of processes that were quicker than crun
        self._path = runtime / messages.SOCKET
        self._listener = _listen(self._path)
        self._cgroups = Cgroups(tag(state))
        self._wakers: dict[int, Cell] = {}  # pid of a crun that wakes -> whom
        self._degraded = list(self._cgroups.degraded)
        self._border = Border(self._reactor, self._on_cut, self._on_degraded)
        network, policy = self._border.network, self._border.policy
        self._hall = Hall(state, tag(state), self._cgroups, network, policy)
        self._silences = 0  # how often no location was left
        self._companions = Companions(network)
        self._endings = Endings(self._say, self._watch, self._reactor, self._hall, self._cells)
        self._slots = Slots(self._reactor, self._hall, self._cells, self._launches)

    def open(self, location: socket.socket) -> None:
        """Set up what needs other programs, listen to everything, greet the location that started us."""
        self._border.open()
        self._signals = _signals()
        self._reactor.watch(self._signals, self._on_signals)
        self._reactor.watch(self._listener, self._on_visitor)
        self._begin(location)

    def run(self) -> None:
        self._reactor.run()

    def _begin(self, location: socket.socket) -> None:
        self._conversation.begin(location)
        cgroup2 = "" in self._cgroups.controllers
        self._say(messages.Ready(self._degraded, cgroup2, self._cgroups.lacking))

    def _on_visitor(self) -> None:
        visitor, _address = self._listener.accept()
        if self._conversation.going_on:
            visitor.close()
        else:
            self._begin(visitor)

    def _on_silence(self) -> None:
        self._companions.end_all()
        self._silences += 1
        self._reactor.after(self._linger, partial(self._end_if_alone, self._silences))

    def _end_if_alone(self, silence: int) -> None:
        """Unless another location has come since, even if that is gone as well: then the time is not up."""
        if not self._conversation.going_on and silence == self._silences:
            self._reactor.stop()

    def _handle(self, ask: Request) -> None:
        try:
            self._do(ask)
        except Exception as error:
            traceback.print_exc()
            if not isinstance(ask, messages.Told | messages.Noted | messages.Warm):
                self._say(messages.Failed(ask.seq, _words(error)))
        self._slots.busy()

    def _do(self, ask: Request) -> None:
        match ask:
            case messages.Prepare():
                self._prepare(ask)
            case messages.Start():
                self._start(ask)
            case messages.Seal():
                self._say(*self._hall.seal(self._cells[ask.id], ask.seq))
            case messages.Wake():
                self._wake(ask)
            case messages.Reboot():
                self._endings.reboot(ask)
            case messages.Execute():
                self._execute(ask)
            case messages.Destroy():
                self._endings.destroy(ask)
            case messages.Pool():
                self._say(messages.Done(ask.seq), [self._hall.pool()])
            case messages.Remount():
                self._remount(ask)
            case messages.Look():
                self._look(ask)
            case messages.Allow():
                self._allow(ask)
            case messages.Sockets():
                self._sockets(ask)
            case messages.Recall():
                self._recall(ask)
            case messages.Warm():
                self._slots.fill(ask.slots, ask.owner)
            case messages.Noted():
                self._keepsakes.let_go(ask.id)
            case messages.Measure():
                cells = [self._cells[name] for name in ask.ids if name in self._cells]
                found = gauge.measure(cells, self._cgroups).items()
                used = [(name, use.cpu, use.memory, use.processes) for name, use in found]
                self._say(messages.Measured(ask.seq, used))
            case messages.Accompany():
                self._say(messages.Started(ask.seq), self._companions.start(ask))
            case messages.Signal() | messages.EndProcess() | messages.CloseInput():
                self._tell(ask)

    # -- a new location ------------------------------------------------------------------------------------------------

    def _recall(self, ask: messages.Recall) -> None:
        if any(launch.seq for launch in self._launches.values()):  # asked for by one that is gone
            self._reactor.after(_RETRY, partial(self._recall, ask))
            return
        for cell in list(self._cells.values()):
            if cell.first is not None:
                self._say(*self._hall.kept(cell, ask.seq))
            elif not cell.released:  # who asked for it to start is gone
                self._endings.abandon(cell)
            for process in cell.processes():
                news = messages.KeptProcess(ask.seq, cell.id, process.id)
                pipes = [fd for fd in process.pipes.all() if fd >= 0]
                self._say(news, [os.dup(fd) for fd in (*pipes, process.tally)])
        self._keepsakes.recall(ask.seq, self._say)
        self._say(messages.Done(ask.seq))

    # -- processes -----------------------------------------------------------------------------------------------------

    def _prepare(self, ask: messages.Prepare) -> None:
        cell = self._cells[ask.id] = self._slots.take(ask.id, ask.owner)
        try:
            if cell.wire is None:
                self._hall.make(cell)
            answer, fds = self._hall.prepare(cell, ask)
        except BaseException:
            cell.doomed = True
            raise
        finally:
            if cell.ahead is not None:
                self._watch(cell.ahead)
            if cell.doomed:
                self._endings.abandon(cell)
        self._say(answer, fds)

    def _start(self, ask: messages.Start) -> None:
        cell = self._cells.get(ask.id)
        if cell is None or cell.doomed:
            self._say(messages.Failed(ask.seq, messages.OVER))
            return
        launch, cell.ahead = cell.ahead, None
        if launch is None:
            self._say(messages.Failed(ask.seq, cell.failure or "started already"))
        else:
            launch.proceed(ask.seq, ask.user)

    def _wake(self, ask: messages.Wake) -> None:
        cell = self._cells.get(ask.id)
        if cell is None or cell.first is None:
            self._say(messages.Failed(ask.seq, messages.OVER))
        elif cell.sleeper is None:
            self._say(messages.Done(ask.seq))
        else:
            cell.asleep, cell.waking = False, ask.seq
            cell.waker = self._hall.wake(cell)
            self._wakers[cell.waker] = cell

    def _execute(self, ask: messages.Execute) -> None:
        cell = self._cells.get(ask.container)
        if cell is None or cell.first is None:
            self._say(messages.Failed(ask.seq, messages.OVER))
            return
        launch = self._hall.execute(cell, ask)
        self._watch(launch)
        launch.proceed(ask.seq, ask.user)

    def _remount(self, ask: messages.Remount) -> None:
        cell = self._cells.get(ask.id)
        if cell is None or cell.released:
            self._say(messages.Failed(ask.seq, "container ended"))
            return
        self._hall.remount(cell, ask.volume, ask.place)
        self._say(messages.Done(ask.seq))

    def _look(self, ask: messages.Look) -> None:
        cell = self._cells.get(ask.id)
        if cell is None or cell.first is None:
            self._say(messages.Failed(ask.seq, messages.OVER))
            return
        flags = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
        self._say(messages.Done(ask.seq), [os.open(f"/proc/{cell.first.pid}/root", flags)])

    def _watch(self, launch: Launch) -> None:
        self._launches[launch.crun] = launch
        self._reactor.watch(launch.executed, partial(self._on_executed, launch))
        if launch.console is not None:
            self._reactor.watch(launch.console, launch.console.take)

    def _on_executed(self, launch: Launch) -> None:
        self._reactor.forget(launch.executed)
        os.close(launch.executed)
        launch.started = True
        self._reap()
        self._conclude(launch)
        cell = self._cells.get(launch.container)
        if cell is not None and cell.sleeper is launch:
            self._awake(cell)

    def _awake(self, cell: Cell) -> None:
        cell.sleeper = None
        if cell.waking:
            self._say(messages.Done(cell.waking))
            cell.waking = 0

    def _conclude(self, launch: Launch) -> None:
        """Tell how a launch went, once crun is gone and the command executed."""
        if not launch.over or self._launches.pop(launch.crun, None) is None:
            return
        if launch.console is not None:
            self._reactor.forget(launch.console)
        cell = self._cells[launch.container]
        pid = launch.pid()
        if pid is None:
            self._failed(cell, launch)
        else:
            self._adopt(cell, launch, pid)
        self._hall.launched(cell, launch)
        if not self._launches:
            self._unclaimed.clear()
        if cell.doomed and cell.first is None and not cell.released:
            self._endings.release(cell)

    def _failed(self, cell: Cell, launch: Launch) -> None:
        if launch.seq:
            self._say(messages.Failed(launch.seq, launch.error()))
        elif cell.ahead is launch:  # before it was told to proceed
            cell.ahead, cell.failure = None, launch.error()
        if launch.id != cell.id:
            self._hall.ended(cell, launch.id)
        launch.cancel()
        launch.pipes.close()

    def _adopt(self, cell: Cell, launch: Launch, pid: int) -> None:
        process = Process(launch.id, pid, offspring.session(pid), launch.pipes, tally.blank())
        if launch.id == cell.id:
            cell.first = process
            cell.sleeper = launch if launch.sleeper and not launch.started else None
        else:
            cell.others[process.id] = process
        self._owners[pid] = (cell, process.id)
        pipes = [*process.pipes.all(), process.tally]
        self._say(messages.Started(launch.seq), [os.dup(fd) for fd in pipes])
        status = self._unclaimed.pop(pid, None)
        if status is not None and not os.path.exists(
            f"/proc/{pid}"
        ):  # else it was another's before
            self._ended(pid, status)
        elif cell.doomed:
            os.kill(pid, signal.SIGKILL)

    def _on_signals(self) -> None:
        with contextlib.suppress(BlockingIOError):
            if signal.SIGTERM in os.read(self._signals, 4096):
                self._reactor.stop()
        self._reap()

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._dispatch(pid, status)

    def _dispatch(self, pid: int, status: int) -> None:
        if pid in self._owners:
            self._ended(pid, status)
        elif pid in self._launches:
            launch = self._launches[pid]
            launch.status = status
            self._conclude(launch)
        elif pid in self._wakers:
            self._woken(self._wakers.pop(pid), status)
        elif cell := self._hall.lost(pid):
            self._slots.drop(cell)
            if cell.released:
                self._endings.settle(cell)
        elif companion := self._companions.ended(pid):
            self._say(messages.Exited(companion, status, False))
        elif not self._border.reaped(pid, status) and self._launches:
            self._unclaimed[pid] = status

    def _woken(self, cell: Cell, status: int) -> None:
        """crun has told a sleeper to run its command, or could not."""
        cell.waker = 0
        if status and cell.waking:
            self._say(messages.Failed(cell.waking, "crun could not start it"))
            cell.waking = 0

    def _ended(self, pid: int, status: int) -> None:
        cell, name = self._owners.pop(pid)
        process = cell.process(name)
        assert process is not None
        process.pipes.close_input()
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        oom = killed and self._hall.out_of_memory(cell)
        exited = messages.Exited(name, status, oom)
        self._keepsakes.keep(cell.id, [*process.pipes.outputs(), process.tally], exited)
        self._say(exited)
        if process is cell.first:
            cell.first = None
            self._endings.first_ended(cell)
        else:
            del cell.others[name]
            self._endings.ended(cell, process, killed=os.WIFSIGNALED(status))

    def _tell(self, ask: messages.Told) -> None:
        """Whatever has no answer; a process that has ended meanwhile needs nothing."""
        self._companions.tell(ask)
        for cell in self._cells.values():
            if process := cell.process(ask.id):
                match ask:
                    case messages.Signal():
                        self._endings.signal(cell, process, ask.number)
                    case messages.EndProcess():
                        self._endings.end(cell, process, ask.grace)
                    case messages.CloseInput():
                        process.pipes.close_input()
                return

    # -- the network ---------------------------------------------------------------------------------------------------

    def _allow(self, ask: messages.Allow) -> None:
        client, server = (self._wire(name) for name in (ask.client, ask.server))
        if client is not None and server is not None:
            policy = self._border.policy
            change = policy.allow if ask.allowed else policy.disallow
            change(client.ip, server.ip)
        elif ask.allowed:
            return self._say(messages.Failed(ask.seq, messages.OVER))
        return self._say(messages.Done(ask.seq))

    def _wire(self, container: str) -> Wire | None:
        cell = self._cells.get(container)
        return None if cell is None or cell.released else cell.wire

    def _sockets(self, ask: messages.Sockets) -> None:
        self._say(messages.Done(ask.seq), self._border.sockets(ask.count))

    def _on_cut(self) -> None:
        for cell in [cell for cell in self._cells.values() if cell.released]:
            self._endings.settle(cell)

    def _on_degraded(self, why: str) -> None:
        self._degraded.append(why)
        self._say(messages.Degraded(why))  # said in Ready to a location that is not there yet

    # -- the end -------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Kill everything in this pid namespace, and clear what would outlive it."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while True:
                os.wait()
        for cell in self._cells.values():
            if not cell.released:
                self._hall.release(cell)
        self._slots.close()
        sweep.clear(self._state)
        self._path.unlink(missing_ok=True)


def _signals() -> int:
    """A descriptor that is readable when a child has ended or we are asked to end."""
    reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return reading


def _listen(path: Path) -> socket.socket:
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    before = os.umask(0o177)
    try:
        listener.bind(os.fspath(path))
    finally:
        os.umask(before)
    listener.listen(4)
    return listener


def _words(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return f"{type(error).__name__}: {error}"
