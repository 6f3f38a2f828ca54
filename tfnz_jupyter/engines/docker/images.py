"""Images on Docker hosts: those that are there already, used as they are, and those of the location's store, loaded once.

What was loaded is called after the digest of its configuration, so that it is found again, by other locations too.
"""

from __future__ import annotations

import asyncio
import contextlib
import platform
import tarfile
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import aiodocker

from ...errors import EngineFailed
from ..base import ImageInfo, Layer, Progress, Report
from ..image_config import facts
from . import manifest
from .hosts import BROKEN, Host

SOURCE = "docker"
_PIECE = 1 << 20
_LOADED = {"reference": ["tfnz-image", "localhost/tfnz-image"]}


class Images:
    """Of several hosts.

    Args:
        hosts: those that are there, as they come and go.
    """

    def __init__(self, hosts: Iterable[Host]) -> None:
        self._hosts = hosts
        self._blobs: dict[str, Path] = {}  # where an image's layers lie, by its id
        self._passing: set[tuple[str, str]] = set()  # hosts, and ids of what builds have there
        self._loading: dict[tuple[str, str], asyncio.Lock] = {}

    async def find(self, reference: str) -> ImageInfo | None:
        """An image that a host has; ``.`` is the one that was made last."""
        for host in self._hosts:
            name = await _newest(host) if reference == "." else reference
            if name and (found := await _inspected(host, name)) is not None:
                return _info(reference, found)
        return None

    async def export(self, image: ImageInfo, file: Path, report: Report) -> None:
        """Write one that :meth:`find` found to a file."""
        for host in self._hosts:
            if await _inspected(host, image.id) is not None:
                async with host.docker.images.export_image(image.id) as content:
                    with await asyncio.to_thread(file.open, "wb") as archive:
                        async for piece in _counted(content.iter_chunked(_PIECE), report):
                            await asyncio.to_thread(archive.write, piece)
                return
        raise _gone(image)

    async def prepare(self, host: Host, image: ImageInfo, blobs: Path, report: Report) -> None:
        """Put what a step of a build begins with on a host: of its layers those that are not there yet."""
        self._blobs[image.id] = blobs
        if await self._put(host, image, report):
            self._passing.add((host.name, image.id))

    async def forget(self, host: Host, images: Iterable[ImageInfo]) -> None:
        """Take those away again that nobody else has asked for since. Layers that other images have stay."""
        for image in images:
            if (host.name, image.id) in self._passing:
                self._passing.discard((host.name, image.id))
                host.images.discard(image.id)
                with contextlib.suppress(*BROKEN):
                    await host.docker.images.delete(_name(image))

    async def remove(self, layers: Iterable[Layer]) -> None:
        """Free what was loaded with any of these layers; what containers are made of, here or of others, stays."""
        gone = {one.diff_id for one in layers}
        for host in list(self._hosts):
            try:
                await self._remove(host, gone)
            except BROKEN as problem:
                raise host.failed(problem) from problem

    async def _remove(self, host: Host, gone: set[str]) -> None:
        loaded = await host.docker.images.list(filters=_LOADED)
        for name in (name for one in loaded for name in one["RepoTags"] or ()):
            found = await _inspected(host, name)
            if found is not None and gone & {one.diff_id for one in _info(name, found).layers}:
                host.images.discard(f"sha256:{name.rpartition(':')[2]}")
                with contextlib.suppress(aiodocker.DockerError):  # it is in use
                    await host.docker.images.delete(name)
        host.stacks = {one for one in host.stacks if not gone & set(one)}

    async def install(self, image: ImageInfo, blobs: Path, report: Report) -> None:
        """Put an image on every host that does not have it."""
        self._blobs[image.id] = blobs
        self._passing -= {(host.name, image.id) for host in self._hosts}
        await asyncio.gather(*(self._put(host, image, report) for host in self._hosts))

    async def name_on(self, host: Host, image: ImageInfo) -> str:
        """What a host calls it; brought there if the host has come since."""
        await self._put(host, image, lambda _progress: None)
        return _name(image)

    async def _put(self, host: Host, image: ImageInfo, report: Report) -> bool:
        """Whether it had to be brought."""
        lock = self._loading.setdefault((host.name, image.id), asyncio.Lock())
        async with lock:
            if image.id in host.images:
                return False
            is_new = await _inspected(host, _name(image)) is None
            if is_new:
                await self._bring(host, image, report)
            host.images.add(image.id)
            return is_new

    async def _bring(self, host: Host, image: ImageInfo, report: Report) -> None:
        if image.source == SOURCE:
            await self._copy(host, image, report)
        elif image.id in self._blobs:
            await self._load_layers(host, image, report)
        else:
            raise EngineFailed(f"image {image.reference} is not on {host.name}, nor in the store")

    async def _load_layers(self, host: Host, image: ImageInfo, report: Report) -> None:
        """Those below which all are there are not sent again; some engines want them all the same."""
        ids = tuple(layer.diff_id for layer in image.layers)
        there = next((n for n in range(len(ids), 0, -1) if ids[:n] in host.stacks), 0)
        blobs = self._blobs[image.id]
        try:
            await _load(host, _packed(image, blobs, there, report))
        except EngineFailed:
            if not there:
                raise
            host.stacks.clear()
            await _load(host, _packed(image, blobs, 0, report))
        host.stacks |= {ids[:n] for n in range(1, len(ids) + 1)}

    async def _copy(self, host: Host, image: ImageInfo, report: Report) -> None:
        """From another host, through this machine."""
        for other in self._hosts:
            if other is not host and await _inspected(other, image.id) is not None:
                async with other.docker.images.export_image(image.id) as content:
                    await _load(host, _counted(content.iter_chunked(_PIECE), report))
                return
        raise _gone(image)


def _gone(image: ImageInfo) -> EngineFailed:
    return EngineFailed(
        f"image {image.reference} is on no host any more", hint="Pull or build it again."
    )


def _name(image: ImageInfo) -> str:
    if image.source == SOURCE:
        return image.id
    return f"tfnz-image:{image.id.partition(':')[2]}"


async def _newest(host: Host) -> str:
    every = await host.docker.images.list()
    named = [one for one in every if _is_users(one.get("RepoTags") or ())]
    newest = max(named, key=lambda one: (one["Created"], one["Id"]), default=None)
    return str(newest["Id"]) if newest else ""


def _is_users(tags: Iterable[str]) -> bool:
    return any(not tag.startswith(("tfnz-", "localhost/tfnz-", "<none>")) for tag in tags)


async def _inspected(host: Host, name: str) -> dict[str, object] | None:
    try:
        return dict(await host.docker.images.inspect(name))
    except aiodocker.DockerError as problem:
        if problem.status == 404:
            return None
        raise host.failed(problem) from problem


def _info(reference: str, found: dict[str, object]) -> ImageInfo:
    root, config = found.get("RootFS"), found.get("Config")
    ids = root.get("Layers") or () if isinstance(root, dict) else ()
    layers = tuple(Layer(one, one, 0, "") for one in ids)
    run = config if isinstance(config, dict) else {}
    created = str(found.get("Created") or "")
    return ImageInfo(
        reference, str(found["Id"]), layers, source=SOURCE, created=created, **facts(run)
    )


async def _load(host: Host, archive: AsyncIterator[bytes]) -> None:
    try:
        async for line in host.docker.images.import_image(archive, stream=True):
            if "error" in line:
                raise EngineFailed(f"{host.name} does not load the image", detail=line["error"])
    except aiodocker.DockerError as problem:
        raise host.failed(problem) from problem


async def _counted(content: AsyncIterator[bytes], report: Report) -> AsyncIterator[bytes]:
    done = 0
    async for piece in content:
        yield piece
        done += len(piece)
        report(Progress("unpack", "from another host", done))


async def _packed(
    image: ImageInfo, blobs: Path, there: int, report: Report
) -> AsyncIterator[bytes]:
    """An archive as ``docker load`` takes it, of the layers as they lie in the store, without the first so many."""
    config = manifest.config([layer.diff_id for layer in image.layers], platform.machine())
    names = [f"{layer.digest.partition(':')[2]}/layer.tar" for layer in image.layers]
    for path, content in manifest.contents(config, _name(image), names):
        yield _header(path, len(content)) + _padded(content)
    wanted = image.layers[there:]
    total, done = sum(layer.size for layer in wanted), 0
    for path, layer in zip(names[there:], wanted, strict=True):
        yield _header(path, layer.size)
        async for piece in _pieces(blobs / "sha256" / layer.digest.partition(":")[2]):
            yield piece
            done += len(piece)
            report(Progress("unpack", f"to {SOURCE}", done, total))
        yield b"\0" * (-layer.size % tarfile.BLOCKSIZE)
    yield b"\0" * 2 * tarfile.BLOCKSIZE


async def _pieces(blob: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(blob.open, "rb") as file:
        while piece := await asyncio.to_thread(file.read, _PIECE):
            yield piece


def _header(path: str, size: int) -> bytes:
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode = size, 0o644
    return entry.tobuf()


def _padded(content: bytes) -> bytes:
    return content + b"\0" * (-len(content) % tarfile.BLOCKSIZE)
