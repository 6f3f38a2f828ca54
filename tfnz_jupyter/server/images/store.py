"""The OCI image layout on disk: ``oci-layout``, ``index.json``, ``blobs/sha256/<hex>``, and ``tmp`` for what is not whole yet.

A blob gets its name by ``rename`` once it is complete, synced and verified; an image is in ``index.json`` only once all
its blobs are there; ``index.json`` is itself replaced by ``rename``. So a process may be killed at any point: what it was
at is in ``tmp`` or is a blob nobody refers to, and both are cleared at the next start.

Where an image came from, and for files what the file looked like then, are annotations of its descriptor. All methods
block, briefly but for :meth:`Store.sweep`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from ...engines.base import ImageInfo
from .documents import INDEX, MANIFEST, describe, digest_of, image_info
from .tools import uncancelled

log = logging.getLogger(__name__)

_NAME = "org.opencontainers.image.ref.name"
_SOURCE = "tfnz.image.source"
_STAMP = "tfnz.image.stamp"


class Store:
    """The images in one folder, which must belong to this process alone."""

    def __init__(self, folder: Path, pool: Path | None = None) -> None:
        self.folder = folder
        self._pool = pool
        if pool is not None:
            pool.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.blobs = folder / "blobs"
        self.temporary = folder / "tmp"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        (self.blobs / "sha256").mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()  # around changes of the index
        self._entries = self._load()
        self.clear_temporary()
        self.sweep()

    def get(self, key: str, reference: str, stamp: str | None = None) -> ImageInfo | None:
        """The image kept under ``key``; None if there is none, or it was made of something else than ``stamp`` says."""
        entry = self._entries.get(key)
        if entry is None or stamp not in (None, entry["annotations"].get(_STAMP, "")):
            return None
        return self._info(entry, reference)

    def all(self) -> list[tuple[str, ImageInfo]]:
        """Every image with its key, in order of the keys."""
        pairs = ((key, self._info(entry, key)) for key, entry in sorted(self._entries.items()))
        return [(key, info) for key, info in pairs if info is not None]

    def put(self, key: str, manifest: dict[str, Any], source: str, stamp: str = "") -> None:
        """Keep the image of a manifest descriptor (its blobs are in place) under ``key``, replacing what was there."""
        notes = {_NAME: key, _SOURCE: source} | ({_STAMP: stamp} if stamp else {})
        entry = {
            "mediaType": manifest.get("mediaType", MANIFEST),
            "digest": manifest["digest"],
            "size": manifest["size"],
            "annotations": notes,
        }
        with self._lock:
            self._save({**self._entries, key: entry})
        if self._pool is not None:
            for name in self._needs(entry):
                self._share(self.blobs / "sha256" / name, self._pool / name)

    def take(self, other: Store, key: str) -> dict[str, Any]:
        """Have the blobs of an image of another store too; the descriptor of its manifest."""
        entry = other._entries[key]
        for name in other._needs(entry):
            with contextlib.suppress(FileExistsError):
                os.link(other.blobs / "sha256" / name, self.blobs / "sha256" / name)
        return {name: entry[name] for name in ("mediaType", "digest", "size")}

    def drop(self, key: str) -> bool:
        """Forget an image; its blobs stay until :meth:`sweep`. False if there was none."""
        with self._lock:
            if key not in self._entries:
                return False
            self._save({k: v for k, v in self._entries.items() if k != key})
        return True

    def stamps(self, prefix: str) -> dict[str, str]:
        """The keys that begin so, and what their images were made of."""
        every = self._entries.items()
        return {k: e["annotations"].get(_STAMP, "") for k, e in every if k.startswith(prefix)}

    def blob(self, digest: str) -> Path:
        """Where the blob of a digest lies, or would."""
        return self.blobs / "sha256" / digest.removeprefix("sha256:")

    def add_blob(self, content: bytes, media_type: str) -> dict[str, Any]:
        """Write a small blob; gives its descriptor."""
        descriptor = describe(content, media_type)
        target = self.blob(descriptor["digest"])
        if not target.exists():
            write_atomically(target, content, self.temporary)
        return descriptor

    def adopt(self, file: Path, digest: str) -> None:
        """Make a finished file in :attr:`temporary`, whose digest the caller has computed, a blob."""
        with file.open("rb") as whole:
            os.fsync(whole.fileno())
        file.chmod(0o600)
        file.rename(self.blob(digest))

    def read(self, digest: str) -> dict[str, Any]:
        """The JSON blob of a digest. Raises ``ValueError`` if its content is not what the digest says, ``OSError``."""
        content = self.blob(digest).read_bytes()
        if digest_of(content) != digest:
            raise ValueError(f"blob {digest} is damaged")
        found = json.loads(content)
        if not isinstance(found, dict):
            raise ValueError(f"blob {digest} is not a JSON object")
        return found

    @contextlib.asynccontextmanager
    async def scratch(self) -> AsyncIterator[Path]:
        """A folder of one's own on the store's file system, gone at the end of the block."""
        self.temporary.mkdir(mode=0o700, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=self.temporary))
        try:
            yield folder
        finally:
            await uncancelled(asyncio.to_thread(remove_tree, folder))

    def free(self) -> int:
        """Bytes that may still be written."""
        room = os.statvfs(self.folder)
        return room.f_bavail * room.f_frsize

    def clear_temporary(self) -> None:
        """Remove what a dead process was at."""
        remove_tree(self.temporary)
        self.temporary.mkdir(mode=0o700, exist_ok=True)

    def sweep(self) -> int:
        """Remove every blob that no image needs; gives the bytes freed. Only while nothing is being fetched or built."""
        self._sweep_pool()
        needed = {name for entry in self._entries.values() for name in self._needs(entry)}
        freed = 0
        for file in (self.blobs / "sha256").iterdir():
            if file.name not in needed:
                freed += file.lstat().st_size
                file.unlink()
        return freed

    def _sweep_pool(self) -> None:
        """Let go of what no store has any more."""
        for file in self._pool.iterdir() if self._pool is not None else ():
            if file.stat().st_nlink == 1:
                file.unlink(missing_ok=True)

    def _share(self, ours: Path, shared: Path) -> None:
        """Make a verified blob one file with the same one of other stores."""
        try:
            os.link(ours, shared)
        except FileExistsError:
            if not shared.samefile(ours) and shared.stat().st_size == ours.stat().st_size:
                spare = self.temporary / f"{ours.name}.shared"
                os.link(shared, spare)
                spare.rename(ours)

    def _needs(self, entry: dict[str, Any]) -> Iterator[str]:
        manifest = self.read(entry["digest"])
        for digest in (entry["digest"], manifest["config"]["digest"]):
            yield digest.removeprefix("sha256:")
        for layer in manifest["layers"]:
            yield layer["digest"].removeprefix("sha256:")

    def _info(self, entry: dict[str, Any], reference: str) -> ImageInfo | None:
        """None for an image that has lost a blob (somebody deleted it): it counts as not there."""
        try:
            manifest = self.read(entry["digest"])
            config = self.read(manifest["config"]["digest"])
            info = image_info(reference, manifest, config, entry["annotations"].get(_SOURCE, ""))
            whole = all(self.blob(x.digest).stat().st_size == x.size for x in info.layers)
        except (OSError, ValueError, KeyError) as e:
            log.warning("image %s is damaged: %s", reference, e)
            return None
        return info if whole else None

    def _load(self) -> dict[str, dict[str, Any]]:
        layout = self.folder / "oci-layout"
        if not layout.exists():
            write_atomically(layout, b'{"imageLayoutVersion":"1.0.0"}', self.temporary)
        try:
            index = json.loads((self.folder / "index.json").read_bytes())
            entries = {e["annotations"][_NAME]: e for e in index["manifests"]}
        except FileNotFoundError:
            return self._save({})
        except (ValueError, KeyError, TypeError) as e:
            log.warning("%s/index.json is damaged, its images are lost: %s", self.folder, e)
            return self._save({})
        return self._whole(entries)

    def _whole(self, entries: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        kept = {key: e for key, e in entries.items() if self._info(e, key) is not None}
        return entries if len(kept) == len(entries) else self._save(kept)

    def _save(self, entries: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        index = {
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": [entries[key] for key in sorted(entries)],
        }
        content = json.dumps(index, indent=1).encode()
        write_atomically(self.folder / "index.json", content, self.temporary)
        self._entries = entries
        return entries


def write_atomically(target: Path, content: bytes, beside: Path) -> None:
    """Replace a file by ``rename``: whoever looks sees the old or the new one, whole, whatever happens."""
    beside.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=beside, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.rename(name, target)
    except BaseException:
        os.unlink(name)
        raise


def remove_tree(folder: Path) -> None:
    """Remove a folder and all in it; logs what could not be removed."""
    if os.getuid() != 0 and shutil.which("unshare") and _has_foreign_owners(folder):
        apart = ["unshare", "--user", "--map-auto", "--map-root-user"]
        subprocess.run([*apart, "rm", "-rf", "--", str(folder)], check=False)

    def failed(_function: object, path: str, problem: object) -> None:
        if not isinstance(problem, tuple) or not isinstance(problem[1], FileNotFoundError):
            log.warning("cannot remove %s: %s", path, problem)

    shutil.rmtree(folder, onerror=failed)


def _has_foreign_owners(folder: Path) -> bool:
    """Whether an ordinary user's build in a user namespace has left files of its subordinate ids, near the top."""
    near = (path for pattern in ("*", "*/*", "*/*/*") for path in folder.glob(pattern))
    try:
        return any(path.lstat().st_uid != os.getuid() for path in near)
    except OSError:
        return True
