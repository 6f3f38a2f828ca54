"""From a recipe to an image in the store: packages fetched, one layer written, configuration and manifest made.

A small recipe's packages go from their files straight into the layer. ``debian`` is made by mmdebstrap, in mount and
process namespaces of its own, so that killing it leaves neither mounts nor processes; its tar goes through the same
writer, which leaves out what is not part of an image (device nodes, apt's caches).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from ....engines.base import Progress, Report
from ....errors import EngineFailed
from ..documents import CONFIG, MANIFEST, TAR, canonical, this_machine
from ..failures import disk_full, from_os
from ..store import Store
from ..tools import environment, in_thread, piped
from .apt import Apt, Package, version_of
from .layer import LayerWriter, accounts
from .recipe import Entry, Recipe, Version, check_tag, text
from .system import mmdebstrap, system_tar

log = logging.getLogger(__name__)

_DEBIAN_LEFT_OUT = (
    "var/cache/apt/*",
    "var/lib/apt/lists/*",
    "var/log/*",
    "etc/apt/apt.conf.d/99mmdebstrap",
    "etc/dpkg/dpkg.cfg.d/99mmdebstrap",
    "etc/machine-id",
    "etc/hostname",
    "etc/resolv.conf",
    "run/*",
    "tmp/*",
)
_SYSTEM_TAKES = 600 * 2**20  # bytes, most of them only while it is made
_FOLDERS = (
    Entry("tmp", mode=0o1777),
    Entry("var/tmp", mode=0o1777),
    Entry("run"),
    Entry("run/lock", mode=0o1777),
    Entry("var/run", link="/run", mode=0o777),
    Entry("var/log"),
    Entry("dev"),
    Entry("proc"),
    Entry("sys"),
    Entry("root", mode=0o700),
    Entry("home"),
)
_NAMES = text("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")


class Builder:
    """Builds recipes into one store."""

    def __init__(self, store: Store, cache: Path) -> None:
        self._store = store
        self._apt = Apt(cache)

    async def build(self, recipe: Recipe, tag: str, report: Report) -> dict[str, Any]:
        """The manifest descriptor of the image; its blobs are in the store.

        Raises:
            ImageNotFound: the recipe makes another version than ``tag`` asks for.
            Unreachable, EngineFailed: no mirror, disk full, or apt's words.
        """
        codename, lines = await self._apt.sources()
        wanted = recipe.packages if recipe.small else (recipe.versioned,)
        found, files = await self._apt.fetch(wanted, recipe.assumed, report)
        version = version_of(recipe.versioned, found, codename)
        check_tag(recipe.name, tag, version)
        async with self._store.scratch() as scratch:
            target = scratch / "layer"
            try:
                if recipe.small:
                    layer = await self._unpack(recipe, version, found, files, target, report)
                else:
                    if self._store.free() < _SYSTEM_TAKES:
                        raise disk_full(folder=self._store.folder, needed=_SYSTEM_TAKES)
                    settings = await self._apt.settings()
                    (scratch / "apt.conf").write_text(settings)
                    argv = mmdebstrap(recipe, codename, lines, scratch)
                    made = int(files[0].stat().st_mtime)  # the mirror's: of the point release
                    layer = await self._debootstrap(recipe, argv, made, target, report)
                return await asyncio.to_thread(self._commit, recipe, version, layer, target)
            except OSError as e:
                raise from_os(e, self._store.folder) from e

    async def _unpack(
        self,
        recipe: Recipe,
        version: Version,
        found: list[Package],
        files: list[Path],
        target: Path,
        report: Report,
    ) -> LayerWriter:
        loop = asyncio.get_running_loop()

        def tell(done: int, name: str) -> None:
            told = Progress("build", f"Unpacking {name}", done, len(found))
            loop.call_soon_threadsafe(report, told)

        def work(stop: threading.Event) -> LayerWriter:
            with LayerWriter(target, recipe.excluded, stop) as layer:
                layer.merge_usr()
                people = ((u.name, u.number, u.home, u.shell) for u in recipe.users)
                for entry in (*filled(recipe.files, version), *accounts(people), *_FOLDERS, _NAMES):
                    layer.add(entry)
                for done, (package, file) in enumerate(zip(found, files, strict=True)):
                    tell(done, package.name)
                    with _package_tar(file) as stream:
                        layer.add_package(stream)
                layer.finish()
            return layer

        layer = await in_thread(work)
        report(Progress("build", "Unpacked", len(found), len(found)))
        return layer

    async def _debootstrap(
        self,
        recipe: Recipe,
        argv: list[str],
        made: int,
        target: Path,
        report: Report,
    ) -> LayerWriter:
        env = environment(TMPDIR=str(target.parent), SOURCE_DATE_EPOCH=str(made))
        loop = asyncio.get_running_loop()

        def tell(told: Progress) -> None:
            loop.call_soon_threadsafe(report, told)

        def work(stop: threading.Event) -> LayerWriter:
            excluded = (*recipe.excluded, *_DEBIAN_LEFT_OUT)
            with (
                LayerWriter(target, excluded, stop) as layer,
                system_tar(argv, env, tell, stop) as out,
            ):
                layer.merge_usr()
                for entry in (*recipe.files, *_FOLDERS):
                    layer.add(entry)
                layer.add_package(out)
            return layer

        return await in_thread(work)

    def _commit(
        self, recipe: Recipe, version: Version, layer: LayerWriter, file: Path
    ) -> dict[str, Any]:
        self._store.adopt(file, layer.digest)
        architecture, variant = this_machine()
        made = datetime.fromtimestamp(layer.newest, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        config = {
            "architecture": architecture,
            "os": "linux",
            "created": made,
            "config": {**filled_config(recipe.config, version), "Labels": labels(recipe, version)},
            "rootfs": {"type": "layers", "diff_ids": [layer.digest]},
            "history": [{"created": made, "created_by": f"tfnz_jupyter recipe {recipe.name}"}],
        } | ({"variant": variant} if variant else {})
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self._store.add_blob(canonical(config), CONFIG),
            "layers": [{"mediaType": TAR, "digest": layer.digest, "size": layer.size}],
        }
        return self._store.add_blob(canonical(manifest), MANIFEST)


def labels(recipe: Recipe, version: Version) -> dict[str, str]:
    """What the image says of itself: above all that it is not the official one."""
    prefix = "org.opencontainers.image"
    return {
        f"{prefix}.title": recipe.name,
        f"{prefix}.version": version.upstream,
        f"{prefix}.description": (
            f"{recipe.name} {version.full} of Debian {version.codename}, built from Debian packages by "
            "tfnz_jupyter, not the official image"
        ),
    }


def filled(files: tuple[Entry, ...], version: Version) -> Iterator[Entry]:
    """Links with ``{major}`` filled in."""
    for e in files:
        target = e.link.replace("{major}", version.major) if e.link else e.link
        yield Entry(e.path.replace("{major}", version.major), e.content, target, e.mode, e.owner)


def filled_config(config: dict[str, Any], version: Version) -> dict[str, Any]:
    """The configuration with ``{major}`` filled in."""
    env = [e.replace("{major}", version.major) for e in config.get("Env", ())]
    return {**config, "Env": env}


@contextlib.contextmanager
def _package_tar(file: Path) -> Iterator[IO[bytes]]:
    """The files of a package, as a tar stream. For threads."""
    argv = ["dpkg-deb", "--fsys-tarfile", str(file)]
    with piped(argv) as process:
        assert process.stdout is not None
        yield process.stdout
        process.stdout.read()  # what comes after the end mark
        if process.wait():
            raise EngineFailed(f"package {file.name} is broken", hint=f"Remove {file}.")
