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
from pathlib import Path
from typing import Any, TypeVar

from ...errors import EngineFailed
from .. import accounts
from ..building import Changes, Copy, Workshop
from ..threads import Threads
from . import copying
from .bundle import IDS
from .container import Container
from .link import python_environment
from .rootfiles import RootFiles

T = TypeVar("T")


class EmbeddedWorkshop(Workshop):
    """See :class:`~tfnz_jupyter.engines.building.Workshop`.

    Args:
        present: the container of an id that is not over; raises ``ContainerEnded``.
        root: a descriptor of what a container sees as ``/``, the caller's to close.
        still: ends what runs in a container beside its first process.
    """

    def __init__(
        self, present: Callable[[str], Container], root: Callable[[Container], Awaitable[int]],
        still: Callable[[str], Awaitable[object]],
    ) -> None:  # fmt: skip
        self._present, self._root, self._still = present, root, still
        self._threads = Threads(2, "engine-build")

    def close(self) -> None:
        """Take no more work."""
        self._threads.close()

    async def digest(self, container: str, paths: Sequence[str]) -> str:
        async with self._files(container) as files:
            return await self._stoppable(lambda stop: copying.digest(files, paths, stop))

    async def copy(self, source: str, dest: str, order: Copy) -> None:
        async with self._files(source) as here, self._files(dest) as there:
            await self._stoppable(lambda stop: _copy(here, there, order, stop))

    async def changes(self, container: str, file: Path) -> Changes | None:
        await self._still(container)
        found = self._present(container)
        with found.disk.written(container) as upper:
            said = await _pack(upper, file, found.owner)
        if "error" in said:
            full = said["error"] == "full"
            raise EngineFailed(
                "disk full while the layer was written" if full else f"no layer: {said['text']}",
                hint="Free some space." if full else "",
            )
        return Changes(said["digest"], said["size"]) if said["entries"] else None

    @contextlib.asynccontextmanager
    async def _files(self, container: str) -> AsyncIterator[RootFiles]:
        found = self._present(container)
        root = await self._root(found)
        try:
            yield RootFiles(root, found.owner)
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
