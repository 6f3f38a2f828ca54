"""What goes wrong with images, as errors a user can act on; and what skopeo's words mean.

skopeo says everything by one exit code and a line of text. The table reads that text; what it does not know stays an
``EngineFailed`` with skopeo's own last lines.
"""

from __future__ import annotations

import errno
import re
import shutil
from pathlib import Path

from ...errors import EngineFailed, ImageNotFound, NotSupported, Refused, TfnzError, Unreachable

_MISSING = re.compile(
    r"manifest unknown|name unknown|repository name not known|not found|no such (file|image)|"
    r"does not exist|StatusCode: 404",
    re.I,
)
_AUTH = re.compile(
    r"unauthorized|authentication required|access to the resource is denied|StatusCode: 403", re.I
)
_BUSY = re.compile(r"toomanyrequests|too many requests|StatusCode: 429", re.I)
_DAMAGED = re.compile(r"digest did not match|does not match|damaged", re.I)
_NETWORK = re.compile(
    r"no such host|connection refused|network is unreachable|no route to host|i/o timeout|"
    r"deadline exceeded|TLS handshake|temporary failure in name|server misbehaving|connection reset|"
    r"x509|certificate|unexpected EOF.*https?:|dial tcp",
    re.I,
)
_PLATFORM = re.compile(r"no image found in (manifest list|image index)|architecture .* not", re.I)
_BROKEN = re.compile(
    r"did not match|digest mismatch|does not match|damaged|unexpected EOF|invalid tar header|truncated|"
    r"gzip: invalid|invalid character|checksum|parsing|malformed|corrupt|Error determining|"
    r"not an? (image|archive)|file \"?manifest.json|unexpected end|invalid|no descriptor found|"
    r"error reading|loading tar component|more than one",
    re.I,
)


def disk_full(
    detail: str = "", folder: Path | None = None, needed: int | None = None
) -> EngineFailed:
    """The error for a file system without room; says how much is free and, if known, how much is needed."""
    told = "disk full"
    if folder is not None:
        told += f": {_mib(shutil.disk_usage(folder).free)} free at {folder}"
    if needed is not None:
        told += f", {_mib(needed)} needed"
    return EngineFailed(
        told, hint="Free some space, or remove images that are not needed.", detail=detail
    )


def from_os(error: OSError, folder: Path) -> EngineFailed:
    """The error for a failed write below ``folder``."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(folder=folder)
    return EngineFailed(f"the image store at {folder} cannot be used: {error}")


def from_registry(reference: str, host: str, words: str, folder: Path) -> TfnzError:
    """The error for what skopeo said of a registry."""
    if "no space left" in words:
        return disk_full(words, folder)
    if _DAMAGED.search(words):
        return EngineFailed(f"image {reference} is broken at {host}", detail=words)
    if _AUTH.search(words) and host == "docker.io":  # which says so of whatever it does not have
        return ImageNotFound(
            f"docker.io has no public image {reference}",
            hint="If it is a private one: skopeo login docker.io",
            detail=words,
        )
    if _AUTH.search(words):
        return Refused(
            f"{host} does not show {reference} to you: it does not exist, or needs a login",
            hint=f"If it exists: skopeo login {host}",
            detail=words,
        )
    if _BUSY.search(words):
        return Refused(
            f"{host} has had too many requests from here; it refuses {reference} for now",
            hint=f"Wait, or log in: skopeo login {host}",
            detail=words,
        )
    if _PLATFORM.search(words):
        return NotSupported(f"image {reference} does not exist for this machine", detail=words)
    if _NETWORK.search(words):
        return Unreachable(f"registry {host} does not answer", detail=words)
    if _MISSING.search(words):
        return ImageNotFound(f"{host} has no image {reference}", detail=words)
    return EngineFailed(f"image {reference} cannot be fetched from {host}", detail=words)


def from_file(reference: str, words: str, folder: Path) -> TfnzError:
    """The error for what skopeo said of an archive or layout."""
    if "no space left" in words:
        return disk_full(words, folder)
    if _PLATFORM.search(words):
        return NotSupported(f"{reference} has no image for this machine", detail=words)
    if "more than one" in words or "choose" in words:
        return EngineFailed(
            f"{reference} holds more than one image",
            hint="Say which, after a colon: oci:DIR:REF, docker-archive:FILE:NAME:TAG",
            detail=words,
        )
    if _BROKEN.search(words):
        return EngineFailed(
            f"{reference} is broken, or not an image", hint="Make the file again.", detail=words
        )
    return EngineFailed(f"{reference} cannot be read as an image", detail=words)


def _mib(size: int) -> str:
    return f"{size / 2**20:.0f} MiB"
