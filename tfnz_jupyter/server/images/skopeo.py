"""skopeo: it reads every kind of image there is and verifies each blob while it copies it.

It writes into a layout of its own below the store's ``tmp``, with the store's ``blobs`` as its shared blob folder: a
blob gets its name there only when it is whole and its digest is right, and one that is there already is not fetched
again. What it is still writing is a file in that layout, whose growth is the progress.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...engines.base import Progress, Report
from ...errors import TfnzError, Unreachable
from .documents import check_manifest, check_platform, this_machine
from .store import Store
from .tools import Outcome, run_tool

_TICK = 0.2
_STALLED = 60.0  # without one more byte for so long, a registry has gone away
_POLICIES = (Path("/etc/containers/policy.json"), Path("~/.config/containers/policy.json"))


@dataclass(frozen=True, slots=True)
class Blob:
    """What is to come, as a manifest announces it."""

    digest: str
    size: int  # bytes


def skopeo(command: str, *argv: str, scratch: Path | None = None) -> list[str]:
    """A command line. The machine's signature policy holds; where it has none, anything is accepted."""
    options = [] if any(p.expanduser().exists() for p in _POLICIES) else ["--insecure-policy"]
    if scratch is not None:
        options += ["--tmpdir", str(scratch)]
    return ["skopeo", *options, command, *argv]


def words_of(outcome: Outcome) -> str:
    """What skopeo said, without the dress of its log lines."""
    said = []
    for line in outcome.err.splitlines():
        found = re.search(r'msg=("(?:[^"\\]|\\.)*"|\S+)', line)
        try:
            said.append(json.loads(found[1]) if found and found[1][0] == '"' else line)
        except ValueError:
            said.append(line)
    return "\n".join(said)


async def copy_in(
    store: Store,
    scratch: Path,
    origin: str,
    reference: str,
    *,
    failed: Callable[[str], TfnzError],
    options: tuple[str, ...] = (),
    blobs: tuple[Blob, ...] = (),
    report: Report,
    way: Sequence[str] = (),
) -> dict[str, Any]:
    """Copy an image into the store's blobs; gives the descriptor of its manifest. ``way`` goes before the command line.

    Raises:
        NotSupported: it is for another machine, or of a kind nobody unpacks.
        Unreachable: the registry stopped sending.
        TfnzError: whatever ``failed`` makes of skopeo's words.
    """
    argv = skopeo(
        "copy",
        "--dest-oci-accept-uncompressed-layers",
        "--dest-shared-blob-dir",
        str(store.blobs),
        *options,
        origin,
        f"oci:{scratch}/layout:image",
        scratch=scratch,
    )
    outcome = await _watched([*way, *argv], store, scratch, blobs, report)
    if outcome.code:
        raise failed(words_of(outcome))
    return await asyncio.to_thread(_checked, store, scratch / "layout", reference, failed)


async def _watched(
    argv: list[str], store: Store, scratch: Path, blobs: tuple[Blob, ...], report: Report
) -> Outcome:
    running = asyncio.ensure_future(run_tool(argv))
    watch = _Watch(store, scratch / "layout", blobs)
    loop = asyncio.get_running_loop()
    last, since = -1, loop.time()
    try:
        while not (await asyncio.wait([running], timeout=_TICK))[0]:
            progress = watch.look()
            report(progress)
            if progress.done != last or not blobs:
                last, since = progress.done, loop.time()
            elif loop.time() - since > _STALLED:
                raise Unreachable(f"the registry has sent nothing for {_STALLED:g} s")
    finally:
        running.cancel()
        await asyncio.wait([running])
    if not running.result().code:
        report(watch.look())
    return running.result()


class _Watch:
    """How much of the announced blobs is there. Looks at a handful of files: too brief to need a thread."""

    def __init__(self, store: Store, layout: Path, blobs: tuple[Blob, ...]) -> None:
        self._store = store
        self._layout = layout
        self._blobs = blobs
        self._total = sum(b.size for b in blobs)

    def look(self) -> Progress:
        there = [b for b in self._blobs if self._store.blob(b.digest).exists()]
        growing = sum(_size(file) for file in self._layout.glob("oci-put-blob*"))
        if not self._blobs:
            return Progress("pull", "copying", growing)
        done = min(sum(b.size for b in there) + growing, self._total)
        number = min(len(there) + 1, len(self._blobs))
        return Progress("pull", f"layer {number} of {len(self._blobs)}", done, self._total)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def _checked(
    store: Store, layout: Path, reference: str, failed: Callable[[str], TfnzError]
) -> dict[str, Any]:
    """The copied image's descriptor, after a look at all that can be wrong with a whole image."""
    index = json.loads((layout / "index.json").read_bytes())
    descriptor: dict[str, Any] = index["manifests"][0]
    try:
        manifest = check_manifest(reference, store.read(descriptor["digest"]))
        check_platform(reference, store.read(manifest["config"]["digest"]), this_machine())
        for layer in manifest["layers"]:
            if store.blob(layer["digest"]).stat().st_size != layer["size"]:
                raise ValueError(f"layer {layer['digest']} does not match its size")
    except (ValueError, OSError) as e:
        raise failed(str(e)) from e
    return descriptor
