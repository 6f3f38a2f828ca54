"""Files of containers: put, fetched, listed, looked at."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
from collections.abc import AsyncIterator

from ...engines.files import Files, Kind
from ...errors import ContainerEnded, FileFailed, NoSuchFile
from ...wire import messages as m
from .. import trees
from ..containers import Container
from ..peer import Peer
from .deeds import Deed, Means

_HINTS = {
    errno.EISDIR: "To put a file inside, end the path with '/'.",
    errno.ENOSPC: "Its disk is full.",
    errno.EDQUOT: "It has used all of its disk= limit.",
}
_LATE = 2.0  # seconds that the news of a container's end may take to arrive


class FileVerbs:
    """The verbs of files."""

    def __init__(self, means: Means) -> None:
        self._engine, self._estate = means.engine, means.estate

    def deeds(self) -> dict[type, Deed]:
        """Verb -> what does it."""
        return {
            m.PutFiles: self._put,
            m.FetchFiles: self._fetch,
            m.ListFiles: self._list,
            m.LookAtFile: self._look,
        }

    async def _put(self, peer: Peer, verb: m.PutFiles, call: int) -> m.Done:
        container = self._estate.container(peer, verb.container)
        peer.require_new(verb.input)
        stream = peer.in_stream(verb.input)
        path = os.fsdecode(verb.path)
        try:
            async with self._files(container, path) as files:
                await trees.Receiver(files, path).receive(stream.read_all)
        finally:
            stream.close()
        return m.Done()

    async def _fetch(self, peer: Peer, verb: m.FetchFiles, call: int) -> m.Done:
        container = self._estate.container(peer, verb.container)
        peer.require_new(verb.output)
        stream = peer.out_stream(verb.output)
        path = os.fsdecode(verb.path)
        send = trees.send_names if isinstance(verb, m.ListFiles) else trees.send
        try:
            async with self._files(container, path) as files:
                await send(files, path, stream.write)
        finally:
            stream.finish()
        return m.Done()

    _list = _fetch

    async def _look(self, peer: Peer, verb: m.LookAtFile, call: int) -> m.FileState:
        container = self._estate.container(peer, verb.container)
        path = os.fsdecode(verb.path)
        async with self._files(container, path) as files:
            info = await files.stat(path, follow=verb.follow)
            target = await files.readlink(path) if info.kind is Kind.LINK else ""
        return m.FileState(
            info.kind.value, info.mode, info.size, info.mtime_ns, info.uid, info.gid,
            os.fsencode(target),
        )  # fmt: skip

    @contextlib.asynccontextmanager
    async def _files(self, container: Container, path: str) -> AsyncIterator[Files]:
        """A running container's files; what the kernel says becomes an error of ours."""
        await container.ready()
        try:
            yield self._engine.files(container.id)
        except (OSError, ContainerEnded) as problem:
            if isinstance(problem, ContainerEnded) or problem.errno == errno.EBADF:
                with contextlib.suppress(TimeoutError):  # the news of its end may be on the way
                    await asyncio.wait_for(container.ended(), _LATE)
            if container.over:
                await container.ready()  # says why it is over
            if isinstance(problem, ContainerEnded):
                raise
            raise _failure(problem, path, container.name) from problem


def _failure(problem: OSError, path: str, name: str) -> Exception:
    """An error that names the file and says what the kernel did."""
    shown = os.fsencode(problem.filename or path).decode("utf-8", "backslashreplace")
    if isinstance(problem, FileNotFoundError):
        return NoSuchFile(f"there is no {shown!r} in {name}")
    reason = (problem.strerror or str(problem)).lower()
    hint = _HINTS.get(problem.errno or 0, "")
    return FileFailed(f"{shown!r} in {name}: {reason}", hint=hint)
