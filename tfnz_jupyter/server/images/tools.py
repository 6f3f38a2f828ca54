"""Running a tool of the system: its output as it comes, its end for certain.

Every tool runs in a session of its own, so that cancelling kills all it has started; it is waited for before the
cancellation goes on. It is also killed when this process dies, in whatever way. A tool that is missing is an error with
the command that installs it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ...errors import EngineFailed, TimedOut

_KEPT_LINES = 12
_LONGEST_LINE = 2**20
_PACKAGES = {"apt-get": "apt", "dpkg-deb": "dpkg", "unshare": "util-linux", "getent": "libc-bin"}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a tool ended: its exit code, standard output whole, the last lines of standard error."""

    code: int
    out: bytes
    err: str


def environment(**more: str) -> dict[str, str]:
    """Ours, with untranslated messages (they are read by programs) and ``more``."""
    return {**os.environ, "LC_ALL": "C.UTF-8", "LANGUAGE": "C", **more}


async def run_tool(
    argv: Sequence[str],
    *,
    timeout: float | None = None,
    silence: float | None = None,
    env: Mapping[str, str] | None = None,
    on_line: Callable[[str], None] | None = None,
) -> Outcome:
    """Run a tool to its end; ``on_line`` gets each line of either output as it comes.

    Raises:
        EngineFailed: it is not installed.
        TimedOut: it took longer than ``timeout`` seconds, or said nothing for ``silence`` seconds, and was killed.
    """
    loop = asyncio.get_running_loop()
    out, kept = bytearray(), deque[str](maxlen=_KEPT_LINES)
    async with started(argv, env=env) as process:
        try:
            async with asyncio.timeout(timeout), asyncio.timeout(silence) as patience:

                def heard(line: str) -> None:
                    if silence is not None and not patience.expired():
                        patience.reschedule(loop.time() + silence)
                    if on_line:
                        on_line(line)

                def complained(line: str) -> None:
                    kept.append(line)
                    heard(line)

                await asyncio.gather(
                    _lines(process.stdout, out.extend, heard),
                    _lines(process.stderr, None, complained),
                )
                code = await process.wait()
        except TimeoutError as e:
            told = f"{argv[0]} did not finish in {timeout or silence:g} s"
            raise TimedOut(told, detail="\n".join(kept)) from e
        return Outcome(code, bytes(out), "\n".join(kept))


@contextlib.asynccontextmanager
async def started(
    argv: Sequence[str], *, env: Mapping[str, str] | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A running tool with its outputs as pipes; at the end of the block it and its children are gone."""
    process = await asyncio.create_subprocess_exec(
        *_bound(argv),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment() if env is None else env,
        start_new_session=True,
        limit=_LONGEST_LINE,
    )
    try:
        yield process
    finally:
        kill_group(process.pid)
        await asyncio.shield(process.wait())


def kill_group(leader: int) -> None:
    """SIGKILL to all in the session that ``leader`` began; nothing if they are gone."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def _bound(argv: Sequence[str]) -> list[str]:
    """The command line under which a tool is killed if we are: nobody would clean up after it."""
    if shutil.which(argv[0]) is None:
        raise missing(argv[0])
    bound = ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []
    return [*bound, *argv]


def missing(tool: str) -> EngineFailed:
    """The error for a tool that is not installed."""
    package = _PACKAGES.get(tool, tool)
    return EngineFailed(f"{tool} is not installed", hint=f"apt-get install {package}")


async def in_thread(work: Callable[[threading.Event], T]) -> T:
    """Run ``work(stop)`` in a thread. Cancelling sets ``stop`` and waits until the thread has ended."""
    stop = threading.Event()
    task = asyncio.ensure_future(asyncio.to_thread(work, stop))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # it was told to stop: how it did is of no interest
        raise


async def uncancelled(work: Coroutine[object, object, T]) -> T:
    """Finish ``work`` whatever happens to the caller meanwhile, who is told of it afterwards."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


async def _lines(
    stream: asyncio.StreamReader | None,
    keep: Callable[[bytes], None] | None,
    on_line: Callable[[str], None],
) -> None:
    assert stream is not None
    rest = b""
    while chunk := await stream.read(65536):
        if keep:
            keep(chunk)
        *whole, rest = (rest + chunk).replace(b"\r", b"\n").split(b"\n")
        for line in filter(None, whole):
            on_line(line.decode(errors="replace"))
    if rest:
        on_line(rest.decode(errors="replace"))


@contextlib.contextmanager
def piped(
    argv: Sequence[str], env: Mapping[str, str] | None = None, *, errors: bool = False
) -> Iterator[subprocess.Popen[bytes]]:
    """For threads: a running tool whose output (and, on demand, standard error) is a pipe; killed at the end."""
    process = subprocess.Popen(
        _bound(argv),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if errors else subprocess.DEVNULL,
        env=environment() if env is None else env,
        start_new_session=True,
    )
    with process:
        try:
            yield process
        finally:
            kill_group(process.pid)
