"""What is made before anybody asks, while the keeper has nothing else to do: cells that only lack what is asked for, and in
live ones a launcher that waits for the next process. Used by the keeper alone.

Most of a spawn's time is spent on what is the same for every container: a network namespace, a cgroup, and joining it. A
burst finds as many slots as there are, and then does without: they are filled again when it is over, which is when nothing
is being started any more, however long that takes. Then there are as many as it took, for a while: who spawns fifty at once
mostly does so again. What is there for that alone has a crun that is loaded already, which takes some memory.
"""

from __future__ import annotations

import itertools
import time
import traceback
from collections import deque
from collections.abc import Mapping, Sized

from .cell import Cell
from .cells import Hall
from .reactor import Reactor

_QUIET = 0.02  # seconds without a request, before the next thing is made
_KEPT = 60.0  # seconds that there are as many slots as the largest burst took
_MOST = 64  # slots


class Slots:
    """Warm cells.

    Args:
        reactor: tells the time.
        hall: makes them.
        cells: those in use.
        starting: those on their way; while there are any, nothing is made.
    """

    def __init__(
        self, reactor: Reactor, hall: Hall, cells: Mapping[str, Cell], starting: Sized
    ) -> None:
        self._reactor, self._hall, self._cells = reactor, hall, cells
        self._starting = starting
        self._count, self._owner = 0, 0
        self._taken = 0  # since it was quiet last
        self._burst, self._burst_at = 0, 0.0  # the largest of late
        self._warm: deque[Cell] = deque()
        self._numbers = itertools.count(1)
        self._asked = 0.0
        self._looking = False

    def __len__(self) -> int:
        return len(self._warm)

    def fill(self, count: int, owner: int) -> None:
        """Keep at least so many from now on, for containers whose root is that host id."""
        self._count, self._owner = count, owner

    def busy(self) -> None:
        """Somebody asked for something: what is lacking afterwards is made once nobody has for a while."""
        self._asked = time.monotonic()
        if not self._looking and self._count:
            self._look_after(_QUIET)

    def take(self, name: str, owner: int) -> Cell:
        """A cell under the name of a container: a warm one, or one with nothing in it yet."""
        self._taken += 1
        if self._warm and owner == self._owner:
            cell = self._warm.popleft()
            self._hall.rename(cell, name)
            return cell
        return Cell(name, self._hall.place(name), owner=owner)

    def drop(self, cell: Cell) -> None:
        """One that has lost its launcher is none."""
        if cell in self._warm:
            self._warm.remove(cell)
            self._let_go(cell)

    def close(self) -> None:
        """Let go of what outlives this process."""
        for cell in self._warm:
            self._hall.release(cell)

    def _look_after(self, delay: float) -> None:
        self._looking = True
        self._reactor.after(delay, self._look)

    def _look(self) -> None:
        self._looking = False
        if time.monotonic() - self._asked < _QUIET or self._starting:
            self._look_after(_QUIET)
            return
        self._follow_demand()
        try:
            if self._make_one():
                self._look_after(0)
        except OSError:
            traceback.print_exc()  # tried again at the next request, and whoever needs it is told

    def _follow_demand(self) -> None:
        """A burst is over: what it took will be there for the next one of its size."""
        taken, self._taken = min(self._taken, _MOST), 0
        if taken > self._count and taken >= self._wanted:
            self._burst, self._burst_at = taken, time.monotonic()
            self._reactor.after(_KEPT, self.busy)

    @property
    def _wanted(self) -> int:
        recent = time.monotonic() - self._burst_at < _KEPT
        return max(self._count, self._burst) if recent else self._count

    def _make_one(self) -> bool:
        """Make one thing that is lacking, or let go of one that is too many; whether there was any."""
        for cell in self._cells.values():
            if cell.lacks_spare and cell.first is not None:
                self._hall.add_spare(cell)
                return True
        if len(self._warm) < self._wanted:
            self._add(self._made())
            return True
        if len(self._warm) > self._wanted:
            self._let_go(self._warm.pop())
            return True
        return False

    def _made(self) -> Cell:
        """One more; what is kept for bursts alone has no launcher for a process beside the first, but is a crun already."""
        name = f"slot-{next(self._numbers)}"
        for_bursts = sum(not cell.poised for cell in self._warm) >= self._count
        cell = Cell(name, self._hall.place(name), owner=self._owner)
        try:
            self._hall.make(cell, early=True, poised=for_bursts)
            if not for_bursts:
                self._hall.add_spare(cell)
        except OSError:
            self._let_go(cell)
            raise
        return cell

    def _add(self, cell: Cell) -> None:
        """What is kept for bursts alone is taken last, and let go of first."""
        if cell.poised:
            self._warm.append(cell)
        else:
            self._warm.appendleft(cell)

    def _let_go(self, cell: Cell) -> None:
        self._hall.release(cell)
        self._fade(cell)

    def _fade(self, cell: Cell) -> None:
        """Look after one that is let go of until the kernel has done so too."""
        if self._hall.emptied(cell):
            self._hall.sever(cell)
        else:
            self._reactor.after(_QUIET, lambda: self._fade(cell))
