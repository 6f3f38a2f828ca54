"""How processes and containers end on request, and how a container begins again. Used by the keeper alone.

A container's first process is the init of its pid namespace: with it everything in it ends, and the kernel tells its end
only after all others'. A process beside it has a cgroup branch, so that whoever kills it also finds what it started.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from functools import partial

from . import messages
from .cell import Cell, Process
from .cells import Hall
from .launch import Launch
from .reactor import Reactor

_RETRY = 0.005  # seconds between looks at what is just going
_FADING = 0.3  # seconds in which the kernel takes a network down that nothing holds
_LOOKS = 400  # for offspring that was killed; what the kernel holds longer goes with its container
_ENDING = {signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT}


class Endings:
    """Everything that ends.

    Args:
        say: answers the location.
        watch: follows a launch that was begun here.
        cells: all there are; those of which nothing is left are removed.
    """

    def __init__(
        self, say: Callable[[messages.News, list[int]], None], watch: Callable[[Launch], None],
        reactor: Reactor, hall: Hall, cells: dict[str, Cell],
    ) -> None:  # fmt: skip
        self._say, self._watch = say, watch
        self._reactor, self._hall, self._cells = reactor, hall, cells

    # -- processes -----------------------------------------------------------------------------------------------------

    def signal(self, cell: Cell, process: Process, number: int) -> None:
        """Send a signal; one that kills goes to all a process started."""
        if process is cell.first:
            os.kill(process.pid, number)
            return
        process.unwanted = process.unwanted or number in _ENDING
        if number == signal.SIGKILL:
            self._kill_offspring(cell, process, _LOOKS)
        else:
            os.kill(process.pid, number)

    def end(self, cell: Cell, process: Process, grace: float) -> None:
        """TERM to a process and all it started; after the grace, KILL."""
        process.unwanted = True
        for pid in {process.pid, *self._hall.offspring(cell, process)}:
            _kill(pid, signal.SIGTERM)
        self._reactor.after(grace, partial(self._end_late, cell, process))

    def _end_late(self, cell: Cell, process: Process) -> None:
        if cell.process(process.id) is process:
            self.signal(cell, process, signal.SIGKILL)

    def ended(self, cell: Cell, process: Process, *, killed: bool) -> None:
        """A process beside the first has ended: by itself, and what it left behind may stay, or because it was killed."""
        if killed or process.unwanted:
            self._kill_offspring(cell, process, _LOOKS)
        else:
            self._hall.ended(cell, process.id)

    def _kill_offspring(self, cell: Cell, process: Process, looks: int) -> None:
        """Again and again until nobody is left: whoever forks meanwhile is met next time."""
        living = [] if cell.released else self._hall.doomed(cell, process)
        for pid in living:
            _kill(pid, signal.SIGKILL)
        if living and looks:
            again = partial(self._kill_offspring, cell, process, looks - 1)
            self._reactor.after(_RETRY, again)
        elif cell.process(process.id) is not process and not cell.released:
            self._hall.ended(cell, process.id)

    # -- containers ----------------------------------------------------------------------------------------------------

    def destroy(self, ask: messages.Destroy) -> None:
        cell = self._cells.get(ask.id)
        if cell is None:
            self._say(messages.Done(ask.seq), [])
            return
        cell.waiting.append(ask.seq)
        if cell.released:
            return
        if cell.first is None:
            self.abandon(cell)
        else:
            self._stop(cell, ask.signal, ask.grace)

    def _stop(self, cell: Cell, number: int, grace: float) -> None:
        """The stop signal where the first process catches it, KILL where not or too late."""
        first = cell.first
        assert first is not None
        if grace > 0 and _catches(first.pid, number):
            os.kill(first.pid, number)
            self._reactor.after(grace, partial(self._kill, cell, first))
        else:
            os.kill(first.pid, signal.SIGKILL)

    def _kill(self, cell: Cell, first: Process) -> None:
        if cell.first is first:
            os.kill(first.pid, signal.SIGKILL)

    def abandon(self, cell: Cell) -> None:
        """End a cell without a process; one on its way is killed when it arrives."""
        cell.doomed = True
        if cell.ahead is not None:
            cell.ahead.cancel()
        if not cell.launches:
            self.release(cell)

    def first_ended(self, cell: Cell) -> None:
        """A container's first process has ended: it begins again if that was why, else it is over."""
        cell.sleeper = None
        if cell.waker:
            _kill(cell.waker, signal.SIGKILL)  # it would wait for ever for the sleeper to listen
        if cell.waking:
            self._say(messages.Done(cell.waking), [])
            cell.waking = 0
        if cell.rebooting is None or cell.waiting:
            self._refuse_reboot(cell)
            self.release(cell)
        else:
            self._begin_again(cell)

    def release(self, cell: Cell) -> None:
        self._hall.release(cell)
        self.settle(cell)

    def settle(self, cell: Cell) -> None:
        """Answer whoever waits for the end of a cell, now or as soon as the kernel is done with it."""
        if self._cells.get(cell.id) is not cell:
            return
        if cell.launches or not self._hall.emptied(cell):
            self._reactor.after(_RETRY, partial(self.settle, cell))
            return
        if self._hall.wired(cell):  # the news of its veth's end brings us back
            if not cell.fading:
                cell.fading = True
                self._reactor.after(_FADING, partial(self._hall.sever, cell))
            return
        del self._cells[cell.id]
        for seq in cell.waiting:
            self._say(messages.Done(seq), [])

    # -- beginning again -----------------------------------------------------------------------------------------------

    def reboot(self, ask: messages.Reboot) -> None:
        cell = self._cells.get(ask.id)
        if cell is None or cell.first is None or cell.rebooting is not None:
            self._say(messages.Failed(ask.seq, messages.OVER), [])
            return
        cell.rebooting = ask
        self._hall.equip_again(cell)  # a new launcher joins its group while the processes end
        self._stop(cell, ask.signal, ask.grace)

    def _begin_again(self, cell: Cell) -> None:
        """As soon as no process of its former life is on its way any more."""
        ask = cell.rebooting
        if ask is None or cell.doomed or cell.released:
            self._refuse_reboot(cell)
        elif cell.launches:
            self._reactor.after(_RETRY, partial(self._begin_again, cell))
        else:
            cell.rebooting = None
            self._renew(cell, ask)

    def _renew(self, cell: Cell, ask: messages.Reboot) -> None:
        try:
            answer, fds = self._hall.renew(cell, ask)
        except OSError as error:
            self._say(messages.Failed(ask.seq, str(error)), [])
            self.abandon(cell)
            return
        finally:
            if cell.ahead is not None:
                self._watch(cell.ahead)
        self._say(answer, fds)

    def _refuse_reboot(self, cell: Cell) -> None:
        if cell.rebooting is not None:
            self._say(messages.Failed(cell.rebooting.seq, messages.OVER), [])
            cell.rebooting = None


def _kill(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _catches(pid: int, number: int) -> bool:
    """Whether a process has a handler for a signal; without one, a namespace's init never gets it."""
    try:
        with open(f"/proc/{pid}/status") as status:
            mask = next((line.split()[1] for line in status if line.startswith("SigCgt:")), "0")
    except OSError:
        return False
    return bool(int(mask, 16) >> (number - 1) & 1)
