"""What the location's builder needs of containers beside their processes: see :mod:`..building`.

Copies run on threads of their own, not to hold up the engine's; a layer is written by a process of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeVar

from ...errors import EngineFailed
from .. import accounts
from ..base import ImageInfo, Report
from ..building import Changes, Copy, Workshop
from ..threads import Threads
from . import copying
from .bundle import IDS
from .link import python_environment
from .rootfiles import RootFiles

T = TypeVar("T")

Prepare = Callable[[ImageInfo, Path, Report], Awaitable[None]]


class EmbeddedWorkshop(Workshop):
    """See :class:`~tfnz_jupyter.engines.building.Workshop`.

    Args:
        prepare: what a step begins with.
        root: a descriptor of what a container sees as ``/``, the caller's to close; raises ``ContainerEnded``.
        still: ends what runs in a container beside its first process.
        written: a descriptor of the upper folder of its overlay, for the length of a deed.
        first_id: this machine's id of what is a container's root.
    """

    def __init__(
        self, prepare: Prepare, root: Callable[[str], Awaitable[int]],
        still: Callable[[str], Awaitable[object]],
        written: Callable[[str], AbstractContextManager[int]], first_id: Callable[[], int],
    ) -> None:  # fmt: skip
        self._prepare, self._root, self._still = prepare, root, still
        self._written, self._first_id = written, first_id
        self._threads = Threads(2, "engine-build")

    def close(self) -> None:
        """Take no more work."""
        self._threads.close()

    async def prepare(self, image: ImageInfo, blobs: Path, report: Report) -> None:
        await self._prepare(image, blobs, report)

    async def digest(self, container: str, paths: Sequence[str]) -> str:
        async with self._files(container) as files:
            return await self._stoppable(lambda stop: copying.digest(files, paths, stop))

    async def copy(self, source: str, dest: str, order: Copy) -> None:
        async with self._files(source) as here, self._files(dest) as there:
            await self._stoppable(lambda stop: _copy(here, there, order, stop))

    async def changes(self, container: str, file: Path) -> Changes | None:
        await self._still(container)
        with self._written(container) as upper:
            said = await _pack(upper, file, self._first_id())
        if "error" in said:
            full = said["error"] == "full"
            raise EngineFailed(
                "disk full while the layer was written" if full else f"no layer: {said['text']}",
                hint="Free some space." if full else "",
            )
        return Changes(said["digest"], said["size"]) if said["entries"] else None

    @contextlib.asynccontextmanager
    async def _files(self, container: str) -> AsyncIterator[RootFiles]:
        root = await self._root(container)
        try:
            yield RootFiles(root, self._first_id())
        finally:
            os.close(root)

    async def _stoppable(self, deed: Callable[[threading.Event], T]) -> T:
        """On a thread, which is told when nobody wants it any more."""
        stop = threading.Event()
        task = asyncio.ensure_future(self._threads.run(lambda: deed(stop)))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            stop.set()
            await asyncio.wait([task])
            task.exception()  # seen: it was told to stop
            raise


def _copy(source: RootFiles, dest: RootFiles, order: Copy, stop: threading.Event) -> None:
    owner = None
    if order.owner:
        users, groups = dest.read_text("/etc/passwd"), dest.read_text("/etc/group")
        account = accounts.resolve(order.owner, users, groups, IDS)
        owner = account.uid, account.gid
    copying.Copying(source, dest, order, owner, stop).run()


async def _pack(upper: int, file: Path, first_id: int) -> dict[str, Any]:
    """Have the layer written; what the packer says."""
    process = await asyncio.create_subprocess_exec(
        "/usr/bin/setpriv", "--pdeathsig", "KILL", sys.executable, "-P", "-m",
        f"{__package__}.pack", str(upper), file, str(first_id),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, cwd="/", env=python_environment(), pass_fds=(upper,),
    )  # fmt: skip
    try:
        out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await asyncio.shield(process.wait())
    if not out:
        raise EngineFailed("writing a layer was ended", detail=err.decode(errors="replace"))
    said: dict[str, Any] = json.loads(out)
    return said
