"""Building an image: the Dockerfile and what it copies go to the location, what the build says comes back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from ..dockerfile import read, takes_from_context
from ..errors import Ended, NoSuchFile, UsageError
from ..link.outflow import Outflow
from ..wire import messages as m
from .connection import Connection
from .contexts import Context
from .meter import Meter
from .moving import gathered
from .streams import Inflow
from .worker import Worker

Report = Callable[[m.Progressed], None]
#: Takes what the build says, and is waited for.
Take = Callable[[bytes], Awaitable[None]]


def text_of(dockerfile: str | Path | None, context: Path | None) -> str:
    """The text of a Dockerfile: given as such, in a file, or in the context under its usual name. Blocks.

    Raises:
        UsageError, NoSuchFile: there is none.
    """
    if isinstance(dockerfile, str):
        return dockerfile
    if dockerfile is None and context is None:
        raise UsageError("there is no Dockerfile", hint="Give its text, its Path, or a context.")
    file = dockerfile or Path(context or ".") / "Dockerfile"
    try:
        return file.expanduser().read_text("utf-8")
    except OSError as problem:
        why = (problem.strerror or str(problem)).lower()
        raise NoSuchFile(f"there is no Dockerfile to read: {file}: {why}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{file} is no text, let alone a Dockerfile") from None


async def build(
    connection: Connection, wish: m.BuildImage, context: Path | None, take: Take, report: Report
) -> m.ImageReady:
    """Have it built; ``wish`` has no streams yet. Raises what the location does, and ``FileFailed`` of the context."""
    folder, disk = None, Worker("build")
    if context is not None and takes_from_context(read(wish.dockerfile)):
        folder = await disk.do(lambda: Context(context))
    inflow = Inflow(connection.number(), connection.tell)
    outgoing = connection.write() if folder else None
    wish = msgspec.structs.replace(
        wish, output=inflow.incoming.stream, input=outgoing.stream if outgoing else 0
    )
    connection.read(inflow.incoming)
    call = asyncio.ensure_future(connection.call(wish, report))
    call.add_done_callback(lambda _: inflow.end())
    sending = asyncio.ensure_future(_send(folder, outgoing, disk, report))
    sending.add_done_callback(lambda sent: _problem(sent) and call.cancel())  # more never comes
    try:
        while (data := await inflow.read()) is not None:
            await take(data)
        ready = await call
        assert isinstance(ready, m.ImageReady)
        return ready
    except asyncio.CancelledError:
        if (problem := _problem(sending)) is not None:
            raise problem from None
        raise
    finally:
        for task in (sending, call):
            task.cancel()
        connection.drop(inflow.incoming.stream)
        if outgoing is not None:
            connection.forget(outgoing)


def _problem(sending: asyncio.Task[None]) -> BaseException | None:
    """Why the context could not be sent."""
    return sending.exception() if sending.done() and not sending.cancelled() else None


async def _send(
    folder: Context | None, outgoing: Outflow | None, disk: Worker, report: Report
) -> None:
    """Send the context, for as long as somebody wants it."""
    if folder is None or outgoing is None:
        return
    records = folder.records()
    meter = Meter(report, "upload", "the context", await disk.do(folder.size))
    try:
        with contextlib.suppress(Ended):  # it has failed, and its call says why
            while pieces := await disk.do(lambda: gathered(records)):
                for piece in pieces:
                    await outgoing.write(piece)
                    meter.add(len(piece))
            outgoing.finish()
            meter.finish()
    finally:
        disk.post(records.close)
