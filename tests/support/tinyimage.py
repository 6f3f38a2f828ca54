"""A real image made on the spot: busybox and a handful of files, as an OCI blob folder. Needs no network.

``build`` gives the image as the location's store would describe it; ``layer`` makes single blobs out of any tar, for
tests of what a hostile or broken one does.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import subprocess
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path

from tfnz_jupyter.engines.base import ImageInfo, Layer

BUSYBOX = Path("/bin/busybox")
_PASSWD = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\nalice:x:1000:1000::/home/alice:/bin/sh\n"
_GROUP = "root:x:0:\nnogroup:x:65534:\nalice:x:1000:\nfriends:x:2000:alice\n"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

Fill = Callable[[tarfile.TarFile], None]


def build(blobs: Path, *, extra: Iterable[Layer] = (), reference: str = "tiny") -> ImageInfo:
    """Write the image's layer below ``blobs`` (``blobs/sha256/<hex>``)."""
    base = layer(blobs, _fill)
    layers = (base, *extra)
    ids = "".join(found.diff_id for found in layers)
    return ImageInfo(
        reference=reference,
        id="sha256:" + hashlib.sha256(ids.encode()).hexdigest(),
        layers=layers,
        cmd=("/bin/sh",),
        env=(("PATH", PATH),),
        source="archive",
    )


def tar() -> bytes:
    """The one layer of the tiny image."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as made:
        _fill(made)
    return buffer.getvalue()


def layer(
    blobs: Path, fill: Fill, *, compress: str = "gzip", format: int = tarfile.PAX_FORMAT
) -> Layer:
    """One layer: ``fill`` puts the entries in; ``compress`` is gzip, zstd or none."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format) as tar:
        fill(tar)
    return blob(blobs, buffer.getvalue(), compress=compress)


def blob(blobs: Path, tar: bytes, *, compress: str = "gzip") -> Layer:
    """A blob out of the bytes of a tar."""
    if compress == "gzip":
        data = gzip.compress(tar, 1)
    elif compress == "zstd":
        data = subprocess.run(["zstd", "-qc1"], input=tar, capture_output=True, check=True).stdout
    else:
        data = tar
    digest, diff_id = (hashlib.sha256(part).hexdigest() for part in (data, tar))
    (blobs / "sha256").mkdir(parents=True, exist_ok=True)
    (blobs / "sha256" / digest).write_bytes(data)
    suffix = {"gzip": "+gzip", "zstd": "+zstd"}.get(compress, "")
    media_type = f"application/vnd.oci.image.layer.v1.tar{suffix}"
    return Layer(f"sha256:{digest}", f"sha256:{diff_id}", len(data), media_type)


def add_folder(tar: tarfile.TarFile, name: str, mode: int = 0o755, owner: int = 0) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.uid, entry.gid = tarfile.DIRTYPE, mode, owner, owner
    tar.addfile(entry)


def add_file(
    tar: tarfile.TarFile, name: str, content: bytes = b"", mode: int = 0o644, owner: int = 0
) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.uid, entry.gid = len(content), mode, owner, owner
    entry.mtime = 1_000_000_000
    tar.addfile(entry, io.BytesIO(content))


def add_link(tar: tarfile.TarFile, name: str, target: str, *, hard: bool = False) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = (tarfile.LNKTYPE if hard else tarfile.SYMTYPE), target
    tar.addfile(entry)


def _fill(tar: tarfile.TarFile) -> None:
    for name in ("bin", "etc", "home", "proc", "root", "sys", "var", "dev"):
        add_folder(tar, name)
    add_folder(tar, "home/alice", 0o755, 1000)
    add_folder(tar, "tmp", 0o1777)
    add_file(tar, "bin/busybox", BUSYBOX.read_bytes(), 0o755)
    applets = subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True, check=True)
    for name in applets.stdout.split():
        if name != "busybox":
            add_link(tar, f"bin/{name}", "busybox")
    add_file(tar, "etc/passwd", _PASSWD.encode())
    add_file(tar, "etc/group", _GROUP.encode())
    add_link(tar, "etc/trap", "/root/../../../../trapped")
    add_file(tar, "bin/garbage", b"\x7fELF this is no program", 0o755)
    add_file(tar, "bin/orphan", b"#!/no/such/interpreter\n", 0o755)


def perl(blobs: Path) -> Layer:
    """A layer with this machine's perl (perl-base, which every Debian has): any system call in one line."""
    program = Path("/usr/bin/perl")
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    files = {Path(word) for word in listed.split() if word.startswith("/")} | {program}

    def fill(tar: tarfile.TarFile) -> None:
        for file in sorted(files):
            add_file(tar, str(file).lstrip("/"), file.read_bytes(), 0o755)

    return layer(blobs, fill)
