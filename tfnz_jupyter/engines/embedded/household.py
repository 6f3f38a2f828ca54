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

from . import messages, sweep, tally
from .border import Border
from .cells import Cell, Hall, Process
from .cgroups import Cgroups, tag
from .conversation import Conversation
from .keepsakes import Keepsakes
from .launch import Launch
from .messages import Request
from .network import Wire
from .reactor import Reactor

_RETRY = 0.005  # seconds between looks at a cgroup whose last process is just going
_FADING = 0.3  # seconds in which the kernel takes a network down that nothing holds


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
        self._degraded = list(self._cgroups.degraded)
        self._border = Border(self._reactor, self._on_cut, self._on_degraded)
        network, policy = self._border.network, self._border.policy
        self._hall = Hall(state, tag(state), self._cgroups, network, policy)

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
        self._say(messages.Ready(self._degraded, cgroup2))

    def _on_visitor(self) -> None:
        visitor, _address = self._listener.accept()
        if self._conversation.going_on:
            visitor.close()
        else:
            self._begin(visitor)

    def _on_silence(self) -> None:
        self._reactor.after(self._linger, self._end_if_alone)

    def _end_if_alone(self) -> None:
        """A time that was set before another location came and went only comes too early."""
        if not self._conversation.going_on:
            self._reactor.stop()

    def _handle(self, ask: Request) -> None:
        try:
            self._do(ask)
        except Exception as error:
            traceback.print_exc()
            if not isinstance(ask, messages.Noted | messages.Signal | messages.CloseInput):
                self._say(messages.Failed(ask.seq, _words(error)))

    def _do(self, ask: Request) -> None:
        match ask:
            case messages.Prepare():
                self._prepare(ask)
            case messages.Start():
                self._start(ask)
            case messages.Execute():
                self._execute(ask)
            case messages.Destroy():
                self._destroy(ask)
            case messages.Look():
                self._look(ask)
            case messages.Allow():
                self._allow(ask)
            case messages.Sockets():
                self._sockets(ask)
            case messages.Recall():
                self._recall(ask)
            case messages.Noted():
                self._keepsakes.let_go(ask.id)
            case messages.Signal():
                self._signal(ask)
            case messages.CloseInput():
                if process := self._process(ask.id):
                    process.pipes.close_input()

    # -- a new location ------------------------------------------------------------------------------------------------

    def _recall(self, ask: messages.Recall) -> None:
        if any(launch.seq for launch in self._launches.values()):  # asked for by one that is gone
            self._reactor.after(_RETRY, partial(self._recall, ask))
            return
        for cell in self._cells.values():
            if cell.first is not None:
                self._say(*self._hall.kept(cell, ask.seq))
            for process in cell.processes():
                stdin = process.pipes.stdin >= 0
                news = messages.KeptProcess(ask.seq, cell.id, process.id, input=stdin)
                pipes = [fd for fd in process.pipes.all() if fd >= 0]
                self._say(news, [os.dup(fd) for fd in (*pipes, process.tally)])
        self._keepsakes.recall(ask.seq, self._say)
        self._say(messages.Done(ask.seq))

    # -- processes -----------------------------------------------------------------------------------------------------

    def _prepare(self, ask: messages.Prepare) -> None:
        cell = self._cells[ask.id] = Cell(ask.id, self._hall.place(ask.id))
        try:
            answer, fds = self._hall.prepare(cell, ask)
        except BaseException:
            cell.doomed = True
            raise
        finally:
            if cell.ahead is not None:
                self._watch(cell.ahead)
            if cell.doomed:
                self._abandon(cell)
        self._say(answer, fds)

    def _start(self, ask: messages.Start) -> None:
        cell = self._cells[ask.id]
        launch, cell.ahead = cell.ahead, None
        if launch is None:
            self._say(messages.Failed(ask.seq, cell.failure or "started already"))
        else:
            launch.proceed(ask.seq)

    def _execute(self, ask: messages.Execute) -> None:
        cell = self._cells.get(ask.container)
        if cell is None or cell.first is None:
            self._say(messages.Failed(ask.seq, "container ended"))
            return
        launch = self._hall.execute(cell, ask)
        self._watch(launch)
        launch.proceed(ask.seq)

    def _look(self, ask: messages.Look) -> None:
        cell = self._cells.get(ask.id)
        if cell is None or cell.first is None:
            self._say(messages.Failed(ask.seq, "container ended"))
            return
        flags = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
        self._say(messages.Done(ask.seq), [os.open(f"/proc/{cell.first.pid}/root", flags)])

    def _watch(self, launch: Launch) -> None:
        self._launches[launch.crun] = launch
        self._reactor.watch(launch.executed, partial(self._on_executed, launch))

    def _on_executed(self, launch: Launch) -> None:
        self._reactor.forget(launch.executed)
        os.close(launch.executed)
        launch.started = True
        self._reap()
        self._conclude(launch)

    def _conclude(self, launch: Launch) -> None:
        """Tell how a launch went, once crun is gone and the command executed."""
        if not launch.over or self._launches.pop(launch.crun, None) is None:
            return
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
            self._release(cell)

    def _failed(self, cell: Cell, launch: Launch) -> None:
        if launch.seq:
            self._say(messages.Failed(launch.seq, launch.error()))
        elif cell.ahead is launch:  # before it was told to proceed
            cell.ahead, cell.failure = None, launch.error()
        launch.cancel()
        launch.pipes.close()

    def _adopt(self, cell: Cell, launch: Launch, pid: int) -> None:
        process = Process(launch.id, pid, launch.pipes, tally.blank())
        if launch.id == cell.id:
            cell.first = process
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
        elif not self._border.reaped(pid, status) and self._launches:
            self._unclaimed[pid] = status

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
            self._release(cell)
        else:
            del cell.others[name]

    def _process(self, name: str) -> Process | None:
        return next((p for cell in self._cells.values() if (p := cell.process(name))), None)

    def _signal(self, ask: messages.Signal) -> None:
        if process := self._process(ask.id):
            os.kill(process.pid, ask.number)

    # -- the end of a container ----------------------------------------------------------------------------------------

    def _destroy(self, ask: messages.Destroy) -> None:
        cell = self._cells.get(ask.id)
        if cell is None:
            self._say(messages.Done(ask.seq))
            return
        cell.waiting.append(ask.seq)
        if cell.released:
            return
        if cell.first is None:
            self._abandon(cell)
            return
        pid = cell.first.pid
        if ask.grace > 0 and _catches(pid, ask.signal):
            os.kill(pid, ask.signal)
            self._reactor.after(ask.grace, partial(self._kill, cell))
        else:
            os.kill(pid, signal.SIGKILL)

    def _abandon(self, cell: Cell) -> None:
        """End a cell without a process; one on its way is killed when it arrives."""
        cell.doomed = True
        if cell.ahead is not None:
            cell.ahead.cancel()
        if not cell.launches:
            self._release(cell)

    def _kill(self, cell: Cell) -> None:
        if cell.first is not None:
            os.kill(cell.first.pid, signal.SIGKILL)

    def _release(self, cell: Cell) -> None:
        self._hall.release(cell)
        self._settle(cell)

    def _settle(self, cell: Cell) -> None:
        """Answer whoever waits for the end of a cell, now or as soon as the kernel is done with it."""
        if self._cells.get(cell.id) is not cell:
            return
        if cell.launches or not self._hall.emptied(cell):
            self._reactor.after(_RETRY, partial(self._settle, cell))
            return
        if self._hall.wired(cell):  # the news of its veth's end brings us back
            if not cell.fading:
                cell.fading = True
                self._reactor.after(_FADING, partial(self._hall.sever, cell))
            return
        del self._cells[cell.id]
        for seq in cell.waiting:
            self._say(messages.Done(seq))

    # -- the network ---------------------------------------------------------------------------------------------------

    def _allow(self, ask: messages.Allow) -> None:
        client, server = (self._wire(name) for name in (ask.client, ask.server))
        if client is not None and server is not None:
            policy = self._border.policy
            change = policy.allow if ask.allowed else policy.disallow
            change(client.ip, server.ip)
        elif ask.allowed:
            return self._say(messages.Failed(ask.seq, "container ended"))
        return self._say(messages.Done(ask.seq))

    def _wire(self, container: str) -> Wire | None:
        cell = self._cells.get(container)
        return None if cell is None or cell.released else cell.wire

    def _sockets(self, ask: messages.Sockets) -> None:
        self._say(messages.Done(ask.seq), self._border.sockets(ask.count))

    def _on_cut(self) -> None:
        for cell in [cell for cell in self._cells.values() if cell.released]:
            self._settle(cell)

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


def _catches(pid: int, number: int) -> bool:
    """Whether a process has a handler for a signal; without one, a namespace's init never gets it."""
    try:
        with open(f"/proc/{pid}/status") as status:
            mask = next((line.split()[1] for line in status if line.startswith("SigCgt:")), "0")
    except OSError:
        return False
    return bool(int(mask, 16) >> (number - 1) & 1)


def _words(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return f"{type(error).__name__}: {error}"
