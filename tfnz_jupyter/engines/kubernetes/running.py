"""A process in a Pod as the location has it: what its desk tells of it, and what is told to it.

Chunks of output come while there is room in the ring that holds them in the Pod, and each is confirmed when it is read: who
does not read fills the ring, then the pipe, and the writer waits. Once the process has ended, what is left is fetched at
once, for its Pod may not be there much longer. The token ends each output, whatever children of the process still print.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass, field

from ...errors import Ended, UsageError
from ..base import Exit, Mark, Running, Taken, Terminal
from . import telnet
from .desk import Desk

_FEED = 4  # chunks of input likewise
_PIECE = 262_144
_END_OF_INPUT = b"\x04"  # Ctrl-D
_OUT_OF_MEMORY = "out of memory: its memory limit was reached"


@dataclass(slots=True)
class Count:
    """Of one output: chunks, bytes and lines."""

    chunks: int = 0
    size: int = 0
    lines: int = 0

    def add(self, chunk: bytes) -> None:
        self.chunks += 1
        self.size += len(chunk)
        self.lines += chunk.count(b"\n")


@dataclass(slots=True)
class Outlet:
    """One of the two outputs."""

    mark: Mark
    due: int = 0  # the number of the next chunk that comes
    received: Count = field(default_factory=Count)
    read: Count = field(default_factory=Count)
    begun: bytes = b""  # what may be the beginning of the token
    over: bool = False


class PodRunning(Running):
    """See :class:`~tfnz_jupyter.engines.base.Running`.

    Args:
        id: the process's.
        desk: of its Pod.
        terminal: whether it has one.
    """

    def __init__(self, id: str, desk: Desk, terminal: Terminal | bool | None = None) -> None:
        self.id, self._desk = id, desk
        self.terminal = bool(terminal)
        self._outlets = {"o": Outlet(Mark.OUT), "e": Outlet(Mark.ERR)}
        self._shown = telnet.Output()
        self._held: deque[tuple[Outlet, bytes]] = deque()
        self._unconfirmed: dict[int, bytes] = {}  # input
        self._fed = self._fed_bytes = 0
        self._closed = ""  # why nothing more can be fed
        self._fresh = True  # nothing was typed on this line yet
        self._confirming = False
        self._counted = True  # what was read is known, and may be told
        self._writing = asyncio.Lock()
        self._changed = asyncio.Event()
        self._ending: asyncio.Task[None] | None = None
        self._exit: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        desk.present[id] = self

    @classmethod
    def found(cls, id: str, desk: Desk) -> PodRunning:
        """One that an earlier location ran; :meth:`recall` will say how far that one was."""
        running = cls(id, desk)
        running._counted = False
        return running

    def recall(self, fed: tuple[int, int], out: Count, err: Count) -> None:
        """What an earlier location had of it: chunks and bytes of input, and what it had read."""
        self._fed, self._fed_bytes = fed
        for outlet, had in zip(self._outlets.values(), (out, err), strict=True):
            outlet.read = had
            outlet.received.size += had.size
            outlet.received.lines += had.lines
        self.taken = Taken(out.size + err.size, out.lines + err.lines, fed[1])
        self._counted = True
        self._confirm()

    # -- told by the desk ----------------------------------------------------------------------------------------------

    def news(self, name: str, content: bytes) -> None:
        """See :class:`~.desk.Participant`."""
        outlet = self._outlets.get(name[0])
        if name == "exit":
            self._ended(content.decode().split())
        elif outlet is None:
            self._confirmed(content.decode().split())
        elif name.endswith("taken"):
            outlet.due = int(content.split()[0])
            outlet.received.chunks = max(outlet.received.chunks, outlet.due)
        else:
            self._chunk(outlet, content)
        self._wake()

    def _chunk(self, outlet: Outlet, content: bytes) -> None:
        outlet.due += 1
        if outlet.due <= outlet.received.chunks:
            return  # an earlier connection brought it
        content = self._cut(outlet, content)
        outlet.received.add(content)
        if content:
            self._held.append((outlet, content))
        if self._exit.done():
            self._confirm()

    def _cut(self, outlet: Outlet, content: bytes) -> bytes:
        """What belongs to the output: nothing from the token on, of which this may be only the beginning."""
        token = self._desk.token
        content, outlet.begun = outlet.begun + content, b""
        found = content.find(token)
        if outlet.over or found >= 0:
            outlet.over = True
            return content[: max(found, 0)]
        if self._exit.done():  # which is told before the token is sent
            ends = (token[:size] for size in range(len(token) - 1, 0, -1))
            outlet.begun = next((end for end in ends if content.endswith(end)), b"")
        return content.removesuffix(outlet.begun)

    def _ended(self, words: list[str]) -> None:
        number = int(words[1])
        reason = _OUT_OF_MEMORY if words[2:] else ""
        self.exited(
            Exit(signal=number, reason=reason) if words[0] == "signal" else Exit(code=number)
        )

    def _confirmed(self, words: list[str]) -> None:
        number = int(words[-1])
        for old in [one for one in self._unconfirmed if one <= number]:
            del self._unconfirmed[old]
        if words[0] == "broken":
            self._closed = "the process has closed its standard input"

    def resume(self) -> None:
        """See :class:`~.desk.Participant`."""
        self._confirm()
        for number, chunk in self._unconfirmed.items():
            self._feed(number, chunk)
        if self._closed and not self.terminal:
            self._desk.say(f"c {self.id}\n".encode())

    def exited(self, how: Exit) -> None:
        """It has ended; what it wrote comes still."""
        if not self._exit.done():
            self._exit.set_result(how)
            self._confirm()
        self._wake()

    def lost(self, how: Exit) -> None:
        """It is over with its container, and nothing more comes of it."""
        for outlet in self._outlets.values():
            outlet.over = True
        self.exited(how)

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    # -- output --------------------------------------------------------------------------------------------------------

    async def read(self) -> tuple[Mark, bytes] | None:
        while True:
            while self._held:
                outlet, chunk = self._held.popleft()
                shown = self._read(outlet, chunk)
                if shown:
                    await asyncio.sleep(0)  # a flood must not keep the loop from everybody else
                    return outlet.mark, shown
            if all(outlet.over for outlet in self._outlets.values()):
                return None
            await self._changed.wait()

    def _read(self, outlet: Outlet, chunk: bytes) -> bytes:
        outlet.read.add(chunk)
        if not self._confirming:
            self._confirming = True
            asyncio.get_running_loop().call_soon(self._confirm)
        return self._shown.receive(chunk) if self.terminal else chunk

    def _confirm(self) -> None:
        """Say what was read; of a process that has ended, all that came is fetched."""
        self._confirming = False
        if not self._counted:
            return
        for stream, outlet in self._outlets.items():
            had = outlet.received if self._exit.done() else outlet.read
            words = f"a {self.id} {stream} {had.chunks} {had.size} {had.lines}\n"
            self._desk.say(words.encode())

    async def drained(self) -> None:
        """Return once all it printed is here, or nothing more can come. Call it when it has ended."""
        while not all(outlet.over for outlet in self._outlets.values()):
            await self._changed.wait()

    # -- input ---------------------------------------------------------------------------------------------------------

    async def write(self, data: bytes) -> None:
        async with self._writing:
            text = telnet.typed(data) if self.terminal else data
            for start in range(0, len(text), _PIECE):
                await self._fed_piece(text[start : start + _PIECE])
        self._fresh = data.endswith((b"\n", b"\r")) if data else self._fresh

    async def _fed_piece(self, piece: bytes) -> None:
        while len(self._unconfirmed) >= _FEED and not self._deaf():
            await self._changed.wait()
        if why := self._deaf():
            raise Ended(why)
        number, self._fed = self._fed, self._fed + 1
        self._fed_bytes += len(piece)
        self._unconfirmed[number] = piece
        self._feed(number, piece)

    def _deaf(self) -> str:
        return self._closed or ("standard input is closed" if self._exit.done() else "")

    def _feed(self, number: int, piece: bytes) -> None:
        head = f"i {self.id} {number} {len(piece)} {self._fed_bytes}\n"
        self._desk.say(head.encode(), piece)

    async def write_eof(self) -> None:
        if self.terminal:  # twice behind an unfinished line, for the first one only passes that on
            with contextlib.suppress(Ended):
                await self.write(_END_OF_INPUT if self._fresh else _END_OF_INPUT * 2)
            self._fresh = True
            return
        async with self._writing:
            if not self._closed:
                self._closed = "standard input is closed"
                self._desk.say(f"c {self.id}\n".encode())

    # -- the process ---------------------------------------------------------------------------------------------------

    async def signal(self, number: int) -> None:
        if not self._exit.done():
            with contextlib.suppress(Ended):
                await self._desk.ask(f"signal {self.id} {number}")

    async def end(self, grace: float) -> None:
        if self._exit.done():
            return
        with contextlib.suppress(Ended):
            await self._desk.ask(f"end {self.id}")
        self._ending = asyncio.create_task(self._kill_late(grace))

    async def _kill_late(self, grace: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await self.wait()
        await self.signal(9)

    async def resize(self, columns: int, rows: int) -> None:
        if not self.terminal:
            raise UsageError("this process has no terminal")
        if not self._exit.done():
            async with self._writing:
                await self._fed_piece(telnet.resized(columns, rows))

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self._exit.done()

    async def wait(self) -> Exit:
        return await asyncio.shield(self._exit)
