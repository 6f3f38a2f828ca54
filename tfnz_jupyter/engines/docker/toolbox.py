"""The one program that we bring along: this machine's static busybox, as an image of its own on each host.

With it containers of ours measure what the host's network lets through, copy volumes, and wait at their gate; so it is never
asked what the user's image has.
"""

from __future__ import annotations

import hashlib
import io
import platform
import shutil
import tarfile
from functools import cache
from pathlib import Path

from ...errors import NotSupported
from . import manifest

_APPLETS = ("sh", "cat", "chroot", "cp", "find", "mkdir", "nc", "rm", "sleep")


@cache
def busybox() -> bytes:
    """The program. Raises ``NotSupported`` where this machine has none that runs anywhere."""
    found = shutil.which("busybox", path="/bin:/usr/bin:/usr/local/bin")
    data = Path(found).read_bytes() if found else b""
    if not data or b"/lib64/ld-" in data[:4096] or b"/lib/ld-" in data[:4096]:
        raise NotSupported(
            "the docker engine needs a static busybox on this machine",
            hint="apt-get install busybox-static",
        )
    return data


def name() -> str:
    """What the image is called on a host: others' programs are other images."""
    return f"tfnz-toolbox:{hashlib.sha256(busybox()).hexdigest()[:12]}"


def archive() -> bytes:
    """The image as ``docker load`` takes it."""
    tree = _tree()
    digest = hashlib.sha256(tree).hexdigest()
    config = manifest.config([f"sha256:{digest}"], platform.machine())
    return manifest.archive(config, name(), [(f"{digest}/layer.tar", tree)])


def _tree() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        manifest.add(tar, "bin/busybox", busybox(), 0o755)
        for applet in _APPLETS:
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    return buffer.getvalue()
