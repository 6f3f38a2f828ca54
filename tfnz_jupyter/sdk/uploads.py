"""Images that are on this machine and wanted at a location elsewhere: files, and what the local Docker or Podman has.

The location cannot look here, and must not be made to look at home. So the client finds them, and sends what the location
does not have yet as one archive, which is verified there layer by layer. Docker and Podman are asked by their own commands:
those know where the engine is and how one logs in to it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
import shutil
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from pathlib import Path

from ..errors import Ended, EngineFailed, ImageNotFound, NotFound, UsageError
from ..wire import messages as m
from .connection import Connection
from .meter import Meter
from .worker import Worker

_KINDS = ("oci-archive", "docker-archive", "oci")
_ENGINES = ("docker", "podman")
_PIECE = 1024 * 1024
_ANSWERS_WITHIN = 10.0  # seconds for an engine to say whether it has an image

Report = Callable[[m.Progressed], None]


@dataclass(frozen=True, slots=True)
class Source:
    """An image here: what the location shall call it, and how to read it, as a file or as what a command prints."""

    name: str
    file: Path | None = None
    command: tuple[str, ...] = ()
    ref: str = ""  # which image in it


async def at_location(connection: Connection, reference: str, report: Report | None) -> str:
    """A reference that the location understands: an image that is here and not there is uploaded first.

    Raises:
        UsageError: there is no such file.
        ImageNotFound: there is no newest local image.
        EngineFailed: it is broken, or this machine's engine does not give it.
    """
    if reference == ".":
        source: Source | None = await _newest()
    else:
        source = await Worker("upload").do(lambda: _of_a_file(reference))
    name = source.name if source else reference
    with contextlib.suppress(NotFound):
        await connection.call(m.FindImage(name))
        return name
    source = source or await _of_an_engine(reference)
    if source is not None:
        await _upload(connection, source, report)
    return name


async def _upload(connection: Connection, source: Source, report: Report | None) -> None:
    outgoing = connection.write()
    wish = m.PutImage(source.name, outgoing.stream, source.ref)
    told = report or (lambda _: None)

    def there(news: m.Progressed) -> None:
        """What the location does with it; how much has arrived is known here, and of how much."""
        if news.step != "pull":
            told(news)

    call = asyncio.ensure_future(connection.call(wish, there))
    call.add_done_callback(lambda _: outgoing.close())
    try:
        total = source.file.stat().st_size if source.file else None
        meter = Meter(told, "upload", source.name, total)
        async with contextlib.aclosing(_pieces(source)) as pieces:
            async for piece in pieces:
                await outgoing.write(piece)
                meter.add(len(piece))
        outgoing.finish()
        meter.finish()
        await call
    except Ended:
        await call  # it stopped reading because it failed, and says why
        raise
    finally:
        call.cancel()
        connection.forget(outgoing)


# -- what is here ------------------------------------------------------------------------------------------------------


def _of_a_file(reference: str) -> Source | None:
    """The source of a reference that is written as a file's or folder's; None for a mere name. Blocks."""
    kind, colon, rest = reference.partition(":")
    if colon and kind in _KINDS:
        path, ref = rest, ""
        if ":" in rest and not Path(rest).expanduser().exists():
            path, _, ref = rest.partition(":")
        return _file(reference, Path(path).expanduser(), ref)
    if reference.startswith(("/", "./", "../", "~")):
        return _file(reference, Path(reference).expanduser(), "")
    return None


def _file(reference: str, path: Path, ref: str) -> Source:
    try:
        looked = (path / "index.json" if path.is_dir() else path).stat()
    except OSError as problem:
        raise UsageError(
            f"image '{reference}': {path}: {problem.strerror}", hint="Check the path."
        ) from problem
    words = f"{path.absolute()}:{ref}:{looked.st_ino}:{looked.st_size}:{looked.st_mtime_ns}"
    mark = hashlib.sha256(words.encode()).hexdigest()[:16]
    name = f"uploaded/{_slug(path.stem)}:{mark}"
    if path.is_dir():
        return Source(name, command=("tar", "-C", str(path), "-cf", "-", "."), ref=ref)
    return Source(name, file=path, ref=ref)


async def _newest() -> Source:
    for engine in _ENGINES:
        said = await _ask(engine, "image", "ls", "--quiet", "--no-trunc")
        if said:
            key = said.split()[0].removeprefix("sha256:")
            return Source(f"uploaded/newest:{key[:16]}", command=(engine, "save", key))
    raise ImageNotFound(
        "there is no local image: neither Docker nor Podman has one, or neither answers",
        hint="'.' stands for the newest image of the local Docker or Podman.",
    )


async def _of_an_engine(reference: str) -> Source | None:
    """An image that the local Docker or Podman has under that name."""
    for engine in _ENGINES:
        if await _ask(engine, "image", "inspect", "--format", "{{.Id}}", reference):
            return Source(reference, command=(engine, "save", reference))
    return None


async def _ask(engine: str, *words: str) -> str:
    """What an engine's command prints; empty where it is not there, fails, or takes too long."""
    if shutil.which(engine) is None:
        return ""
    process = await _started(engine, *words)
    try:
        async with asyncio.timeout(_ANSWERS_WITHIN):
            out, _ = await process.communicate()
    except TimeoutError:
        return ""
    finally:
        _end(process)
    return out.decode(errors="replace") if process.returncode == 0 else ""


# -- reading it --------------------------------------------------------------------------------------------------------


async def _pieces(source: Source) -> AsyncGenerator[bytes, None]:
    if source.file is not None:
        disk = Worker("upload")
        path = source.file
        with await disk.do(lambda: path.open("rb")) as file:
            while piece := await disk.do(lambda: file.read(_PIECE)):
                yield piece
        return
    process = await _started(*source.command)
    assert process.stdout is not None
    try:
        while piece := await process.stdout.read(_PIECE):
            yield piece
        if await process.wait():
            raise EngineFailed(f"{source.command[0]} does not give {source.name}")
    finally:
        _end(process)


async def _started(*command: str) -> asyncio.subprocess.Process:
    nothing = asyncio.subprocess.DEVNULL
    return await asyncio.create_subprocess_exec(
        *command, stdin=nothing, stdout=asyncio.subprocess.PIPE, stderr=nothing
    )


def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:50] or "image"
