"""Unpacked image layers on disk: each once, whole or not there at all.

Whoever installs an image holds its layers from the first moment on, so that nobody removes one that was there while another
is still being unpacked; one that is just being removed is waited for, and then missing.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Container, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from ...errors import EngineFailed
from ..base import ImageInfo, Layer, Progress, Report
from .link import python_environment
from .sweep import HALF

log = logging.getLogger(__name__)
_OWNER = ".first-id"  # which ids the layers were unpacked for


def folder_name(layer: Layer) -> str:
    """The name of a layer's folder in ``state/layers``."""
    return layer.diff_id.removeprefix("sha256:")


class Layers:
    """The folder ``state/layers``.

    Args:
        folder: it exists.
        first_id: host id of the containers' root.
    """

    def __init__(self, folder: Path, first_id: int) -> None:
        self._folder, self._first_id = folder, first_id
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1, "engine-unpack")
        self._running: dict[str, asyncio.Task[None]] = {}
        self._listeners: dict[str, list[Callable[[int], None]]] = {}
        self._held: Counter[str] = Counter()
        self._going: dict[str, asyncio.Future[None]] = {}
        self._processes: set[subprocess.Popen[bytes]] = set()
        self._closed = False
        self._forget_other_ids()

    def _forget_other_ids(self) -> None:
        """Layers that belong to a range we no longer have would give their files to strangers."""
        note = self._folder / _OWNER
        if note.exists() and note.read_text() == str(self._first_id):
            return
        for layer in self._folder.iterdir():
            if layer.is_dir():
                shutil.rmtree(layer)
        note.write_text(str(self._first_id))

    async def install(self, image: ImageInfo, blobs: Path, report: Report) -> None:
        """Unpack what is not there yet, as many layers at once as there are processors.

        Raises:
            EngineFailed: a layer is broken or the disk is full; layers that were finished stay.
        """
        layers = {folder_name(layer): layer for layer in image.layers}
        with self._holding(list(layers)):
            if going := [self._going[name] for name in layers if name in self._going]:
                await asyncio.wait(going)
            missing = [layer for name, layer in layers.items() if not self._has(name)]
            if missing:
                await self._install(missing, blobs, report)

    @contextlib.contextmanager
    def _holding(self, names: list[str]) -> Iterator[None]:
        self._held.update(names)
        try:
            yield
        finally:
            self._held.subtract(names)
            self._held = +self._held  # those that somebody holds still

    async def _install(self, missing: list[Layer], blobs: Path, report: Report) -> None:
        progress = _Sum(report, missing)
        results = await asyncio.gather(
            *(self._ensure(layer, blobs, partial(progress.update, layer)) for layer in missing),
            return_exceptions=True,
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def remove(self, layers: Sequence[Layer], in_use: Callable[[], Container[str]]) -> None:
        """Free layers, but for those that are held or ``in_use`` (their diff ids). One that is half removed is not there."""
        loop = asyncio.get_running_loop()
        for layer in layers:
            name = folder_name(layer)
            if self._held[name] or name in self._going or layer.diff_id in in_use():
                continue
            going = self._going[name] = loop.run_in_executor(self._threads, self._remove, name)
            going.add_done_callback(partial(self._gone, name))
            await asyncio.shield(going)

    def _gone(self, name: str, _done: asyncio.Future[None]) -> None:
        del self._going[name]

    def _remove(self, name: str) -> None:
        aside = self._folder / f"{HALF}{name}.old"
        with contextlib.suppress(FileNotFoundError):
            (self._folder / name).rename(aside)
        shutil.rmtree(aside, ignore_errors=True)

    def _has(self, name: str) -> bool:
        return (self._folder / name).is_dir()

    async def _ensure(self, layer: Layer, blobs: Path, listen: Callable[[int], None]) -> None:
        """One unpacking for however many ask; it goes on when who asked has gone."""
        name = folder_name(layer)
        self._listeners.setdefault(name, []).append(listen)
        task = self._running.get(name)
        if task is None:
            task = asyncio.create_task(self._unpack(layer, blobs), name=f"unpack {name[:12]}")
            self._running[name] = task
            task.add_done_callback(partial(self._over, name))
        try:
            await asyncio.shield(task)
        finally:
            listeners = self._listeners.get(name, [])
            if listen in listeners:
                listeners.remove(listen)

    def _over(self, name: str, task: asyncio.Task[None]) -> None:
        del self._running[name]
        self._listeners.pop(name, None)
        if not task.cancelled():
            task.exception()  # told to those who wait; there may be none left

    async def _unpack(self, layer: Layer, blobs: Path) -> None:
        loop = asyncio.get_running_loop()

        def tell(done: int) -> None:
            for listen in list(self._listeners.get(folder_name(layer), ())):
                listen(done)

        def report(done: int) -> None:
            loop.call_soon_threadsafe(tell, done)

        blob = blobs / "sha256" / layer.digest.removeprefix("sha256:")
        await loop.run_in_executor(self._threads, self._unpack_now, layer, blob, report)
        tell(layer.size)

    def _unpack_now(self, layer: Layer, blob: Path, report: Callable[[int], None]) -> None:
        target = self._folder / folder_name(layer)
        if target.is_dir():
            return
        half = self._folder / f"{HALF}{folder_name(layer)}"
        shutil.rmtree(half, ignore_errors=True)
        try:
            half.mkdir(mode=0o755)
            half.chmod(0o755)
            self._run(layer, blob, half, report)
            half.rename(target)
        except OSError as error:
            raise EngineFailed(f"layer {layer.digest}: {error.strerror or error}") from error
        finally:
            shutil.rmtree(half, ignore_errors=True)

    def _run(self, layer: Layer, blob: Path, half: Path, report: Callable[[int], None]) -> None:
        if not blob.is_file():
            raise EngineFailed(f"layer {layer.digest} is not in the image store")
        # One that outlived this process would write where the next location unpacks.
        command: list[str | Path] = [
            "/usr/bin/setpriv", "--pdeathsig", "KILL", sys.executable, "-P", "-m",
            f"{__package__}.unpack", blob, half, layer.digest, layer.diff_id, str(self._first_id),
        ]  # fmt: skip
        last: dict[str, Any] = {}
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            cwd="/", env=python_environment(),
        ) as process:  # fmt: skip
            self._processes.add(process)
            if self._closed:
                process.kill()
            assert process.stdout is not None
            assert process.stderr is not None
            for line in process.stdout:
                last = json.loads(line)
                if "done" in last:
                    report(last["done"])
            words = process.stderr.read().decode(errors="replace")
        self._processes.discard(process)
        if process.returncode:
            raise _failure(layer, last, words)
        if last.get("dropped"):
            log.info("layer %s: %d system attributes (such as file capabilities) left out",
                     layer.digest, last["dropped"])  # fmt: skip

    async def close(self) -> None:
        """Stop what is being unpacked; half done folders are gone afterwards."""
        self._closed = True
        for process in list(self._processes):
            process.kill()
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        self._threads.shutdown(wait=False)


def _failure(layer: Layer, last: dict[str, Any], words: str) -> EngineFailed:
    text = last.get("text", "")
    match last.get("error"):
        case "full":
            return EngineFailed(
                f"disk full while unpacking layer {layer.digest}",
                hint="Free some space, or set TFNZ_HOME to a folder on a larger disk.",
            )
        case "corrupt":
            return EngineFailed(
                f"layer {layer.digest} is broken: {text}",
                hint="Remove the image from the store and get it again.",
            )
        case "failed":
            return EngineFailed(f"layer {layer.digest} could not be unpacked: {text}")
    return EngineFailed(f"unpacking layer {layer.digest} was ended", detail=words)


class _Sum:
    """Progress of several layers as one that never goes back."""

    def __init__(self, report: Report, layers: list[Layer]) -> None:
        self._report = report
        self._total = sum(layer.size for layer in layers)
        self._done = dict.fromkeys((layer.digest for layer in layers), 0)
        self._count = len(layers)
        report(Progress("unpack", f"layer 1 of {self._count}", 0, self._total))

    def update(self, layer: Layer, done: int) -> None:
        self._done[layer.digest] = max(done, self._done[layer.digest])
        finished = sum(self._done[key] >= layer.size for key in self._done)
        text = f"layer {min(finished + 1, self._count)} of {self._count}"
        self._report(Progress("unpack", text, sum(self._done.values()), self._total))
