"""Images from files of this machine: OCI archives and layouts, Docker archives.

skopeo reads them and verifies every blob against its digest (for Docker archives: every layer against its diff id). It
is given the file under a plain name, so that a colon or a comma in the user's path means nothing to it.
"""

from __future__ import annotations

import asyncio
import tarfile
from pathlib import Path
from typing import Any

from ...engines.base import Progress, Report
from ...errors import EngineFailed
from .failures import from_file
from .references import File
from .skopeo import copy_in
from .store import Store

_WRITERS = "An image archive is what 'docker save' or 'skopeo copy ... oci-archive:FILE' writes."


async def take_in(store: Store, file: File, report: Report, *, called: str = "") -> dict[str, Any]:
    """Copy the image of a file into the store; gives the descriptor of its manifest. Errors call it by its path, or so.

    Raises:
        EngineFailed: it is broken, is no image, or holds several.
        NotSupported: it is for another machine.
    """
    called = called or str(file.path)
    report(Progress("resolve", f"reading {called.rpartition('/')[2]}"))
    kind = file.kind
    if kind == "archive":
        kind = await asyncio.to_thread(kind_of, file.path, called)
    async with store.scratch() as scratch:
        (scratch / "source").symlink_to(file.path)
        return await copy_in(
            store,
            scratch,
            f"{kind}:{scratch}/source" + (f":{file.ref}" if file.ref else ""),
            called,
            failed=lambda words: from_file(called, words, store.folder),
            report=report,
        )


def stamp_of(file: File) -> str:
    """What changes when the file does."""
    looked = file.path / "index.json" if file.path.is_dir() else file.path
    try:
        found = looked.stat()
    except OSError:
        return "unreadable"
    return f"{found.st_ino}:{found.st_size}:{found.st_mtime_ns}"


def kind_of(path: Path, called: str) -> str:
    """``oci-archive`` or ``docker-archive``, by what is inside. Blocks. Raises ``EngineFailed`` if it is neither."""
    names: set[str] = set()
    try:
        with tarfile.open(path) as tar:
            for member in tar:
                names.add(member.name.removeprefix("./"))
                if "oci-layout" in names:
                    return "oci-archive"
    except (tarfile.TarError, EOFError, OSError) as e:
        if "manifest.json" not in names:
            raise EngineFailed(f"{called} is broken, or not an image: {e}", hint=_WRITERS) from e
    if "manifest.json" in names:
        return "docker-archive"
    raise EngineFailed(f"{called} is a tar file, but not of an image", hint=_WRITERS)
