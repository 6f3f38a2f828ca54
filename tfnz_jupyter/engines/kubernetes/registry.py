"""The registry that the cluster pulls from: what the location has, its nodes must find somewhere.

An image of the location's store is pushed under the digest of a manifest that is made of what the location knows of it, so
that the same image is the same reference, whoever pushes it, and is pushed once. skopeo carries the bytes, with the logins
of this machine (``skopeo login``). The init image (a static busybox, see ``init``) is made and pushed in the same way.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from ...errors import EngineFailed, NotSupported, UsageError
from ..base import ImageInfo, Progress, Report
from . import image_documents as documents
from .skopeo import skopeo

_WORDS = re.compile(
    r"(http://|https://)?([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:\d{1,5})?(/[a-z0-9/._-]+)?/?"
)
_BUSYBOX = Path("/bin/busybox")


@dataclass(frozen=True, slots=True)
class Registry:
    """Where images are pushed to and pulled from.

    Args:
        place: host, port and perhaps a path, as image references begin.
        plain: it speaks http.
        repository: the name of all that is pushed; what is in one that others push to as well is never removed.
    """

    place: str
    plain: bool = False
    repository: str = "tfnz"

    @classmethod
    def parse(cls, text: str) -> Registry:
        """``HOST[:PORT][/PATH]``, with ``http://`` before it where it speaks no TLS.

        Raises:
            UsageError: that is no registry.
        """
        found = _WORDS.fullmatch(text)
        if found is None:
            raise UsageError(
                f"registry: {text!r} is none",
                hint="HOST:PORT or HOST/PATH; with http:// before it where it speaks no TLS.",
            )
        scheme, host, port, path = (part or "" for part in found.groups())
        return cls(f"{host}{port}{path}".rstrip("/"), scheme == "http://")

    def has(self, reference: str) -> bool:
        """Whether a reference is to something in it already."""
        return reference.startswith(f"{self.place}/")

    def of(self, location: str) -> Registry:
        """The same, with a repository of a location's own."""
        return replace(self, repository=f"tfnz-{location}")

    def reference(self, image: ImageInfo) -> str:
        """Where an image of the location's store is, once it was pushed."""
        return f"{self.place}/{self.repository}@{documents.manifest_digest(image)}"

    async def holds(self, reference: str) -> bool:
        """Whether it has that already.

        Raises:
            EngineFailed: it does not answer, or wants a login.
        """
        options = ("--tls-verify=false",) if self.plain else ()
        outcome = await skopeo("inspect", "--raw", *options, f"docker://{reference}")
        if outcome.code == 0:
            return True
        if _is_unknown(outcome.err):
            return False
        plain = "HTTP response to HTTPS" in outcome.err
        raise EngineFailed(
            f"the registry {self.place} does not answer",
            hint=f"It speaks no TLS: --registry http://{self.place}" if plain else "",
            detail=outcome.err,
        )

    async def push(self, image: ImageInfo, blobs: Path, report: Report) -> None:
        """Copy an image there, unless it has it.

        Raises:
            EngineFailed: it cannot be; what was copied so far is the registry's to forget.
        """
        reference = self.reference(image)
        if await self.holds(reference):
            return
        size = sum(layer.size for layer in image.layers)
        report(Progress("push", f"{size / 1e6:.0f} MB to {self.place}"))
        with tempfile.TemporaryDirectory(prefix="tfnz-push-") as folder:
            layout = Path(folder)
            await asyncio.to_thread(_write_layout, layout, image, blobs)
            options = ("--dest-tls-verify=false",) if self.plain else ()
            outcome = await skopeo(
                "copy", "--preserve-digests", *options, f"oci:{layout}", f"docker://{reference}"
            )
        if outcome.code:
            raise EngineFailed(
                f"{image.reference} cannot be pushed to the registry {self.place}",
                hint=f"skopeo login {self.place.partition('/')[0]}, if it wants one.",
                detail=outcome.err,
            )

    async def remove(self, image: ImageInfo) -> None:
        """Have the registry forget an image; its layers are freed when that collects what nothing needs.

        Raises:
            NotSupported: it deletes nothing.
            EngineFailed: it does not do it.
        """
        options = ("--tls-verify=false",) if self.plain else ()
        outcome = await skopeo("delete", *options, f"docker://{self.reference(image)}")
        if outcome.code == 0 or _is_unknown(outcome.err):
            return
        told = f"{image.reference} is forgotten here, but the registry {self.place} keeps what was pushed"
        if "405" in outcome.err or "UNSUPPORTED" in outcome.err.upper():
            raise NotSupported(
                f"{told}: it allows no deletion",
                hint=f"Whoever runs it can remove {self.reference(image)}.",
            )
        raise EngineFailed(told, detail=outcome.err)

    async def push_init(self) -> str:
        """The reference of the image that starts every container: this machine's static busybox, pushed if need be.

        Raises:
            NotSupported: this machine has none.
            EngineFailed: as :meth:`push`.
        """
        with tempfile.TemporaryDirectory(prefix="tfnz-init-") as folder:
            image = await asyncio.to_thread(_init_image, Path(folder))
            await self.push(image, Path(folder), lambda _progress: None)
            return self.reference(image)


def _is_unknown(words: str) -> bool:
    said = ("manifest unknown", "name unknown", "Image may not exist")
    return any(one in words for one in said)


def _write_layout(layout: Path, image: ImageInfo, blobs: Path) -> None:
    """An OCI layout of one image whose layers are the store's own files."""
    folder = layout / "blobs" / "sha256"
    folder.mkdir(parents=True)
    for content in (documents.config(image), documents.manifest(image)):
        (folder / documents.digest(content).removeprefix("sha256:")).write_bytes(content)
    for layer in image.layers:
        name = layer.digest.removeprefix("sha256:")
        with contextlib.suppress(FileExistsError):  # an image may have the same layer twice
            os.symlink((blobs / "sha256" / name).resolve(), folder / name)
    (layout / "oci-layout").write_bytes(documents.LAYOUT)
    (layout / "index.json").write_bytes(documents.index(image))


def _init_image(folder: Path) -> ImageInfo:
    """Busybox alone, as /bin/busybox, in a blob below ``folder``."""
    layer, content = documents.layer({"bin/busybox": _busybox()})
    (folder / "sha256").mkdir()
    (folder / "sha256" / layer.digest.removeprefix("sha256:")).write_bytes(content)
    return ImageInfo("init", "", (layer,), cmd=("/bin/busybox", "sh"))


def _busybox() -> bytes:
    try:
        return _BUSYBOX.read_bytes()
    except FileNotFoundError:
        raise NotSupported(
            "Pods are started by a static busybox, and this machine has none to push",
            hint="apt-get install busybox-static, or name an image that has one: --init-image.",
        ) from None
