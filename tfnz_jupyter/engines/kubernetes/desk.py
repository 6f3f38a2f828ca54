"""The location's end of the conversation with the desk in a Pod: see ``init`` for what is said.

There is one conversation for as long as the Pod lives, over one connection after the other: what was asked on one that was
cut is asked again on the next, and done once. Nothing is kept for good here: a question until its answer, a process's
unconfirmed input with the process, unread output in its ring, in the Pod.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import aiohttp

from ...errors import ContainerEnded, EngineFailed, ProtocolError, Refused, Unreachable
from . import channels
from .api import pause
from .batches import Batches

_log = logging.getLogger(__name__)

_FRAME = (
    128 * 1024
)  # bytes sent at once; who waits longer than that for the network sees his own words wait
_LONGEST = 1.0  # seconds between tries to get to a Pod again
_SOON = 0.25  # and to one that is just being made: it is there a while before the cluster says so
_SMALL = 4096  # bytes of an answer that may stay in the Pod for a while
_WORDS = 4000  # bytes kept of what the script complains of


class Participant(Protocol):
    """A process, as its news and each new connection reach it."""

    def news(self, name: str, content: bytes) -> None:
        """A file of its folder."""

    def resume(self) -> None:
        """There is a new connection: say again what has not been confirmed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a piece of shell code printed, and its exit code."""

    code: int
    text: bytes

    def __str__(self) -> str:
        return self.text.decode("utf-8", "surrogateescape")


@dataclass(slots=True)
class _Question:
    words: list[bytes]
    answer: asyncio.Future[Answer]


class Desk:
    """One Pod's. Call :meth:`open` once, and :meth:`close` when the Pod is over.

    Args:
        connect: opens the exec that runs the desk.
        whose: the container's id, for errors.
        stranger: makes a participant of a process that an earlier location ran.
    """

    def __init__(
        self, connect: Callable[[], Awaitable[aiohttp.ClientWebSocketResponse]], whose: str,
        stranger: Callable[[str], Participant],
    ) -> None:  # fmt: skip
        self._connect, self._whose, self._stranger = connect, whose, stranger
        self.present: dict[str, Participant] = {}
        self.token = b""
        self.life = ""  # which of the container's lives this is: another after a restart, or once it was cleared
        self._numbers = itertools.count(
            time.time_ns() // 1_000_000
        )  # above those of earlier locations
        self._asked: dict[int, _Question] = {}
        self._clearing = ""
        self._outgoing: list[bytes] = []
        self._something = asyncio.Event()
        self._connected = False
        self._greeted = asyncio.Event()
        self._sooner = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._over = False

    # -- what others do ------------------------------------------------------------------------------------------------

    async def open(self, *, after: str = "") -> None:
        """Return once the desk is there, in another life of the container than ``after``.

        Raises:
            ContainerEnded: there will be none.
        """
        if self._task is None and not self._over:
            self._task = asyncio.create_task(self._converse())
        while not self._over and (not self._connected or self.life == after or self._clearing):
            await self._greeted.wait()
        self._hopeful()

    def hurry(self) -> None:
        """There is something to connect to now, as the cluster says: who waits to try again need not."""
        self._sooner.set()

    def _hopeful(self) -> None:
        if self._over:
            raise ContainerEnded(f"container {self._whose} has ended")

    async def ask(
        self, code: str, files: Sequence[bytes] = (), before: Sequence[bytes] = ()
    ) -> Answer:
        """Run shell code in the Pod; ``$data.0``, ``$data.1``... name files with these contents.

        ``before`` is said first; like the code, it is said again on another connection, and must be done once.

        Raises:
            ContainerEnded: it ended before it answered.
        """
        number, question = self._question(code, files, before)
        if self._connected:
            self._put(*question.words)
        try:
            return await question.answer
        finally:
            self._asked.pop(number, None)

    def _question(
        self, code: str, files: Sequence[bytes] = (), before: Sequence[bytes] = ()
    ) -> tuple[int, _Question]:
        self._hopeful()
        number = next(self._numbers)
        text = f"data=r/{number}.data\n{code}".encode("utf-8", "surrogateescape")
        words = [*before]
        for place, content in enumerate(files):
            words += [b"w r/%d.data.%d %d\n" % (number, place, len(content)), content]
        words += [b"q %d %d\n" % (number, len(text)), text]
        found = _Question(words, asyncio.get_running_loop().create_future())
        self._asked[number] = found
        return number, found

    def say(self, *words: bytes) -> None:
        """Send what needs no answer, and what :meth:`Participant.resume` will say again, if need be."""
        if self._connected:
            self._put(*words)

    def _put(self, *words: bytes) -> None:
        self._outgoing += words
        self._something.set()

    async def clear(self) -> None:
        """End every process in the Pod, and all conversations about them.

        Raises:
            ContainerEnded: it is over anyhow.
        """
        self._hopeful()
        self._fail_questions()
        self.present.clear()
        former, self._clearing = self.life, secrets.token_hex(4)
        number, question = self._question(f"clear_all {self._clearing}")
        question.answer.add_done_callback(_seen)
        self._put(*question.words)
        try:
            await self.open(after=former)
        finally:
            self._clearing = ""
            self._asked.pop(number, None)

    def close(self) -> None:
        """The Pod is over: nobody answers any more. Idempotent."""
        self._over = True
        if self._task is not None:
            self._task.cancel()
        self._fail_questions()
        self._tell()

    def _tell(self) -> None:
        greeted, self._greeted = self._greeted, asyncio.Event()
        greeted.set()

    def _fail_questions(self) -> None:
        for question in self._asked.values():
            if not question.answer.done():
                error = ContainerEnded(f"container {self._whose} has ended")
                question.answer.set_exception(error)
        self._asked.clear()

    # -- one connection after the other --------------------------------------------------------------------------------

    async def _converse(self) -> None:
        turn = 0
        while True:
            socket = None
            try:
                socket = await self._connect()
                await self._over_one(socket)
                turn = 0
            except (EngineFailed, Refused, Unreachable, ProtocolError) as problem:
                _log.debug("no conversation with %s: %s", self._whose, problem)
            finally:
                self._connected = False
                if socket is not None:
                    await socket.close()
            await self._rest(min(pause(turn), _LONGEST if self.life else _SOON))
            turn += 1

    async def _rest(self, longest: float) -> None:
        self._sooner.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(longest):
                await self._sooner.wait()

    async def _over_one(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._outgoing.clear()
        sending = asyncio.create_task(self._send(socket))
        try:
            await self._receive(socket)
        finally:
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sending

    async def _send(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        while True:
            await self._something.wait()
            self._something.clear()
            words, self._outgoing = self._outgoing, []
            text = memoryview(b"".join(words))
            try:
                for start in range(0, len(text), _FRAME):
                    part = bytes(text[start : start + _FRAME])
                    await socket.send_bytes(channels.pack(channels.IN, part))
            except (aiohttp.ClientError, ConnectionError):
                return  # the receiver knows

    async def _receive(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        batches = Batches()
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.BINARY:
                continue
            channel, data = channels.unpack(message.data)
            if channel == channels.OUT:
                for name, content in batches.receive(data):
                    self._take(name, content)
            elif channel == channels.ERR:
                words = bytes(data[:_WORDS]).decode("utf-8", "replace")
                _log.debug("in %s: %s", self._whose, words)
            elif channel == channels.STATUS:
                raise EngineFailed(channels.outcome(bytes(data)).reason or "the desk has closed")

    def _take(self, name: str, content: bytes) -> None:
        folder, _, rest = name.partition("/")
        if folder == "p":
            process, _, file = rest.partition("/")
            found = self.present.get(process)
            if found is None:
                found = self.present[process] = self._stranger(process)
            found.news(file, content)
        elif folder == "r":
            self._answered(int(rest), content)
        elif folder == "token":
            self.token = content
        elif folder == "ready":
            self._greet(content.decode().strip())

    def _answered(self, number: int, content: bytes) -> None:
        question = self._asked.pop(number, None)
        if question is not None and not question.answer.done():
            if len(content) > _SMALL:
                self.say(b"k %d\n" % number)
            text, _, code = content[:-1].rpartition(b"\n")
            question.answer.set_result(Answer(int(code), text))

    def _greet(self, life: str) -> None:
        """All that there was before is told: say again what may not have been heard."""
        self.life, self._connected = life, True
        if self._clearing and life.endswith(self._clearing):
            self._clearing = ""
            self._fail_questions()
        for participant in list(self.present.values()):
            participant.resume()
        for question in self._asked.values():
            self._put(*question.words)
        self._tell()


def _seen(answer: asyncio.Future[Answer]) -> None:
    if not answer.cancelled():
        answer.exception()
