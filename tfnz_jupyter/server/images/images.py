"""Resolving a reference: see the package's docstring for what is tried, and in which order."""

from __future__ import annotations

import asyncio
import difflib
import logging
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Protocol

from ...engines.base import ImageInfo, Progress, Report
from ...errors import EngineFailed, ImageNotFound, Refused, TfnzError, Unreachable
from .archives import stamp_of, take_in
from .drafts import BUILT, STEP, Drafts, forget_steps, newest_built
from .failures import disk_full, from_os
from .jobs import Jobs
from .local import Found, find_local, find_newest, take_local
from .recipes import RECIPES, Recipe
from .recipes.builder import Builder
from .references import (
    DOCKER_HUB,
    File,
    Name,
    Newest,
    Reference,
    is_local,
    parse_name,
    parse_reference,
)
from .registry import pull
from .rules import Login, Rules
from .store import Store
from .tools import missing, uncancelled

log = logging.getLogger(__name__)

Read = Callable[[], Awaitable[bytes | None]]
_OWN = Rules()
_LEFT_FREE = 2**28  # bytes that an upload does not take
_COOKED = "recipe:"  # before the key of what was made for others
_OF_ENGINE = "engine:"  # before the key of a copy of what the engine has itself
_PATIENCE = 5.0  # seconds for a registry's first answer
_PATIENCE_WITH_RECIPE = 2.0  # the same, where a recipe stands by


class Source(Protocol):
    """Who may have images by itself: an engine. See :class:`~tfnz_jupyter.engines.base.Engine` for each."""

    name: ClassVar[str]

    async def image(self, reference: str) -> ImageInfo | None: ...
    async def export(self, image: ImageInfo, file: Path, report: Report) -> None: ...


class Images:
    """The images of one location, in an OCI layout that belongs to it alone.

    Args:
        folder: made if need be, 0700. What an earlier process left half done in it is removed.
        rules: where they may come from.
        kitchen: whose recipes are used, where they are not built in this store.
        pool: a folder in which stores that share a file system find each other's blobs, once they have their own.
        engine: may have images by itself, which nobody need fetch.
    """

    def __init__(
        self,
        folder: Path,
        *,
        rules: Rules = _OWN,
        kitchen: Images | None = None,
        pool: Path | None = None,
        engine: Source | None = None,
    ) -> None:
        self._store = Store(folder, pool)
        self._engine = engine
        self._rules = rules
        self._kitchen = kitchen or self
        self._builder = Builder(self._store, folder / "apt")
        self._jobs: Jobs[ImageInfo] = Jobs()
        self._gate = asyncio.Lock()
        self._busy = 0
        self._littered = False

    @property
    def blobs(self) -> Path:
        """Where the blobs lie: ``<this>/sha256/<hex>``."""
        return self._store.blobs

    async def ensure(self, reference: str, report: Report, login: Login | None = None) -> ImageInfo:
        """The image of a reference, fetched or built if the store does not have it.

        Concurrent calls for one image share the work; cancelling the last of them leaves nothing half done. ``report``
        is called on the loop. ``login`` is for the registry, and for this pull alone.

        Raises:
            UsageError: the reference has no meaning, or names a file that is not there.
            ImageNotFound: nobody has it; says who was asked.
            Unreachable: the registry named, or every Debian mirror, does not answer.
            Refused: the registry wants a login, or has had too many requests, or is none for this user.
            NotSupported: it is for another kind of machine, or of a kind nobody unpacks.
            EngineFailed: broken, disk full, or a tool is missing or failed.
        """
        parsed = self._parse(reference)
        found = await self._of_engine(parsed, reference)
        if found is None and not isinstance(parsed, Newest):
            found = await asyncio.to_thread(self.find, reference)
        if found is None:
            found = await self._jobs.run(
                parsed.key, lambda tell: self._obtain(parsed, tell, login), report
            )
        return replace(found, reference=reference)

    async def ensure_layers(self, reference: str, report: Report) -> ImageInfo:
        """As :meth:`ensure`, and its layers are in the store: of an image that is the engine's own a copy is kept.

        Raises:
            NotSupported: the engine does not have the layers either.
        """
        found = await self.ensure(reference, report)
        if self._engine is None or found.source != self._engine.name:
            return found
        key = _OF_ENGINE + self._parse(reference).key
        kept = await asyncio.to_thread(self._store.get, key, reference, found.id)
        return kept or await self._jobs.run(
            key, lambda tell: self._copied(key, found, tell), report
        )

    def find(self, reference: str) -> ImageInfo | None:
        """The image as the store has it (for a file: made from the file as it is now), or None."""
        parsed = self._parse(reference)
        return self._store.get(parsed.key, reference, _stamp(parsed))

    async def known(self, reference: str) -> ImageInfo | None:
        """The image as the engine has it by itself, else as the store has it, or None."""
        parsed = self._parse(reference)
        return await self._of_engine(parsed, reference) or await asyncio.to_thread(
            self.find, reference
        )

    def list(self) -> list[ImageInfo]:
        """Every image in the store, by its shortest name."""
        every = self._store.all()
        return [
            replace(info, reference=_shortest(key))
            for key, info in every
            if not key.startswith((_COOKED, _OF_ENGINE, STEP))
        ]

    def every(self) -> tuple[ImageInfo, ...]:
        """All images, and what builds have done. Blocks."""
        return tuple(info for _key, info in self._store.all())

    @asynccontextmanager
    async def drafting(self) -> AsyncIterator[Drafts]:
        """For a build: nothing of the store is swept meanwhile."""
        async with self._at_work(), self._store.scratch() as scratch:
            yield Drafts(self._store, scratch)

    async def take(self, reference: str, ref: str, read: Read, report: Report) -> ImageInfo:
        """Take in an archive that its user sends, under a name; ``read`` gives it piece by piece, then None.

        Raises:
            UsageError: that is no name.
            EngineFailed: it is broken, is no image, or holds several; the disk is full.
            NotSupported: it is for another machine.
        """
        name = parse_name(reference)
        async with self._at_work(), self._store.scratch() as scratch:
            file = scratch / "archive"
            try:
                await _receive(read, file, self._store, report)
                found = File("archive", file, ref)
                taken = await take_in(self._store, found, report, called=reference)
            except OSError as e:
                if isinstance(e, TfnzError):
                    raise
                raise from_os(e, self._store.folder) from e
            return replace(await self._keep(name.key, taken, "archive"), reference=reference)

    async def remove(self, reference: str) -> None:
        """Forget an image and free the blobs nobody else needs; the next ``ensure`` fetches it again.

        What was built on the way to it is forgotten too, be it that it was never finished.

        Raises:
            ImageNotFound: the store does not have it.
        """
        key = self._parse(reference).key
        kept = [await asyncio.to_thread(self._store.drop, one) for one in (key, _OF_ENGINE + key)]
        if not (await asyncio.to_thread(forget_steps, self._store, key) or any(kept)):
            raise ImageNotFound(f"there is no image '{reference}' here", hint=self._nearest(key))
        self._littered = True
        await self._tidy()

    async def cooked(self, name: Name, recipe: Recipe, report: Report) -> tuple[Store, str]:
        """What a recipe makes, as anybody may have it: the store that holds it, and its key there."""
        found = await asyncio.to_thread(self._store.get, name.key, name.key)
        if found is not None and found.source == "recipe":
            return self._store, name.key
        key = _COOKED + name.key
        if await asyncio.to_thread(self._store.get, key, key) is None:
            await self._jobs.run(key, lambda tell: self._cook(key, name, recipe, tell), report)
        return self._store, key

    # -- obtaining

    def _parse(self, reference: str) -> Reference:
        if not self._rules.here and isinstance(reference, str) and is_local(reference.strip()):
            raise Refused(
                f"image '{reference}': a location reads no files of its own machine for others",
                hint="Give the name of an image in a registry, or upload the file.",
            )
        return parse_reference(reference)

    async def _of_engine(self, parsed: Reference, reference: str) -> ImageInfo | None:
        """The image that nobody need fetch, unless one of that name was built here; files are never the engine's."""
        if self._engine is None or isinstance(parsed, File):
            return None
        if isinstance(parsed, Name):
            kept = await asyncio.to_thread(self._store.get, parsed.key, reference)
            if kept is not None and kept.source == BUILT:
                return None
        found = await self._engine.image(
            parsed.familiar if isinstance(parsed, Name) else parsed.key
        )
        if found is not None and isinstance(parsed, Newest):
            built = await asyncio.to_thread(newest_built, self._store)
            found = built[1] if built is not None and built[0] > found.created else found
        return replace(found, reference=reference) if found else None

    async def _copied(self, key: str, image: ImageInfo, report: Report) -> ImageInfo:
        assert self._engine is not None
        async with self._at_work(), self._store.scratch() as scratch:
            archive = scratch / "image.tar"
            try:
                await self._engine.export(image, archive, report)
                taken = await take_in(
                    self._store, File("docker-archive", archive), report, called=image.reference
                )
            except OSError as e:
                if isinstance(e, TfnzError):
                    raise
                raise from_os(e, self._store.folder) from e
            kept = await self._keep(key, taken, "archive", image.id)
            return replace(kept, reference=image.reference)

    async def _cook(self, key: str, name: Name, recipe: Recipe, report: Report) -> ImageInfo:
        async with self._at_work():
            descriptor = await self._builder.build(recipe, name.tag, report)
            return await self._keep(key, descriptor, "recipe")

    async def _obtain(self, parsed: Reference, report: Report, login: Login | None) -> ImageInfo:
        async with self._at_work():
            try:
                if isinstance(parsed, File):
                    return await self._from_file(parsed, report)
                if isinstance(parsed, Newest):
                    return await self._from_newest(report)
                return await self._from_name(parsed, report, login)
            except OSError as e:
                if isinstance(e, TfnzError):
                    raise
                raise from_os(e, self._store.folder) from e

    async def _from_file(self, file: File, report: Report) -> ImageInfo:
        stamp = await asyncio.to_thread(stamp_of, file)
        return await self._keep(
            file.key, await take_in(self._store, file, report), file.source, stamp
        )

    async def _from_newest(self, report: Report) -> ImageInfo:
        report(Progress("resolve", "looking for the newest local image"))
        found = await find_newest()
        built = await asyncio.to_thread(newest_built, self._store)
        if built is not None and (found is None or built[0] > found.created):
            return built[1]
        if found is None:
            raise ImageNotFound(
                "there is no local image: nothing was built, and neither Docker nor Podman has one",
                hint="'.' stands for the newest image that was built here, or by Docker or Podman.",
            )
        kept = await asyncio.to_thread(self._store.get, ".", ".", found.id)
        return kept or await self._from_local(".", found, report, found.id)

    async def _from_local(
        self, key: str, found: Found, report: Report, stamp: str = ""
    ) -> ImageInfo:
        descriptor = await take_local(self._store, found, report)
        return await self._keep(key, descriptor, found.engine, stamp)

    async def _from_name(self, name: Name, report: Report, login: Login | None) -> ImageInfo:
        report(Progress("resolve", f"looking for {name.familiar}"))
        if self._rules.here and (found := await find_local(name)):
            return await self._from_local(name.key, found, report)
        recipe = recipe_for(name)
        try:
            patience = _PATIENCE_WITH_RECIPE if recipe else _PATIENCE
            if shutil.which("skopeo") is None:
                raise missing("skopeo")
            pulled = await pull(
                self._store, name, report, patience=patience, rules=self._rules, login=login
            )
            return await self._keep(name.key, pulled, "registry")
        except (ImageNotFound, Refused, Unreachable, EngineFailed) as e:
            if recipe is None or (isinstance(e, EngineFailed) and shutil.which("skopeo")):
                raise self._told(name, e) from e
            log.info("%s: %s; building it instead", name.familiar, e.message)
        if self._kitchen is not self:
            store, key = await self._kitchen.cooked(name, recipe, report)
            descriptor = await asyncio.to_thread(self._store.take, store, key)
        else:
            descriptor = await self._builder.build(recipe, name.tag, report)
        return await self._keep(name.key, descriptor, "recipe")

    async def _keep(
        self, key: str, descriptor: dict[str, Any], source: str, stamp: str = ""
    ) -> ImageInfo:
        await asyncio.to_thread(self._store.put, key, descriptor, source, stamp)
        info = await asyncio.to_thread(self._store.get, key, key, stamp)
        if info is None:
            raise EngineFailed(f"image {key} is broken: its manifest and its configuration differ")
        return info

    def _told(self, name: Name, error: TfnzError) -> TfnzError:
        """For a name without a host, nobody having it is one error, which says who was asked."""
        if name.host_given or not isinstance(error, ImageNotFound | Unreachable):
            return error
        tried = f"store: no\nlocal Docker, Podman: no\n{DOCKER_HUB}: {error.message}\nrecipes: no"
        return ImageNotFound(
            f"no source has an image '{name.familiar}'", hint=self._nearest(name.key), detail=tried
        )

    def _nearest(self, key: str) -> str:
        known = sorted({*RECIPES, *(i.reference.partition(":")[0] for i in self.list())})
        wanted = _shortest(key).partition(":")[0]
        near = difflib.get_close_matches(wanted, known, n=1)
        return f"Did you mean '{near[0]}'?" if near else f"Recipes: {', '.join(sorted(RECIPES))}."

    # -- keeping the store free of what nobody needs

    @asynccontextmanager
    async def _at_work(self) -> AsyncIterator[None]:
        """While anybody is at work nothing is swept: their blobs are not referred to yet."""
        async with self._gate:
            self._busy += 1
        try:
            yield
        except BaseException:
            self._littered = True
            raise
        finally:
            self._busy -= 1
            await uncancelled(self._tidy())

    async def _tidy(self) -> None:
        async with self._gate:
            if self._littered and not self._busy:
                self._littered = False
                await asyncio.to_thread(self._store.sweep)


async def _receive(read: Read, file: Path, store: Store, report: Report) -> None:
    """Write what is sent to a file, for as long as the disk has room for others too."""
    done = 0
    with file.open("wb") as archive:
        while (piece := await read()) is not None:
            await asyncio.to_thread(archive.write, piece)
            done += len(piece)
            report(Progress("pull", "from you", done))
            if store.free() < _LEFT_FREE:
                raise disk_full(folder=store.folder, needed=done + _LEFT_FREE)


def recipe_for(name: Name) -> Recipe | None:
    """The recipe that may stand in for a name: official images only, and never for a digest."""
    path = name.path.removeprefix("library/")
    return RECIPES.get(path) if name.host == DOCKER_HUB and not name.digest else None


def _stamp(parsed: Reference) -> str | None:
    """What the store's copy must have been made of; None: anything will do."""
    return stamp_of(parsed) if isinstance(parsed, File) else None


def _shortest(key: str) -> str:
    shown = key.removeprefix(f"{DOCKER_HUB}/library/").removeprefix(f"{DOCKER_HUB}/")
    return shown.removesuffix(":latest")
