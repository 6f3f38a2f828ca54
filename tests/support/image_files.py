"""Small images made by hand, whole or broken on purpose, and a registry on loopback to keep them in."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import random
import socket
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfnz_jupyter.server.images.documents import (
    CONFIG,
    INDEX,
    MANIFEST,
    TAR,
    describe,
    digest_of,
    this_machine,
)

from .eventually import eventually

USER, PASSWORD = "u", "secret"
#: They as a registry is told: the password's bcrypt.
LOGIN = f"{USER}:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a"


def noise(size: int, seed: int = 1) -> bytes:
    """Bytes that do not compress."""
    return random.Random(seed).randbytes(size)


def layer_tar(**files: bytes) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return made.getvalue()


def compressed(tar: bytes, kind: str) -> tuple[bytes, str]:
    """(blob, media type) of a layer: ``kind`` is "none", "gzip" or "zstd"."""
    if kind == "gzip":
        return gzip.compress(tar, mtime=0), TAR + "+gzip"
    if kind == "zstd":
        done = subprocess.run(["zstd", "-qc"], input=tar, capture_output=True, check=True)
        return done.stdout, TAR + "+zstd"
    return tar, TAR


def make_layout(
    folder: Path,
    *tars: bytes,
    kind: str = "gzip",
    architecture: str | None = None,
    run: dict[str, Any] | None = None,
    ref: str = "v1",
    created: str = "2020-01-01T00:00:00Z",
) -> Path:
    """An OCI layout with one image of these layers."""
    (folder / "blobs/sha256").mkdir(parents=True, exist_ok=True)
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    tars = tars or (layer_tar(hello=b"hello"),)
    config = {
        "architecture": architecture or this_machine()[0],
        "os": "linux",
        "created": created,
        "config": run or {"Cmd": ["/hello"]},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(tar) for tar in tars]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _blob(folder, json.dumps(config).encode(), CONFIG),
        "layers": [_blob(folder, *compressed(tar, kind)) for tar in tars],
    }
    entry = _blob(folder, json.dumps(manifest).encode(), MANIFEST)
    entry["annotations"] = {"org.opencontainers.image.ref.name": ref}
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}
    (folder / "index.json").write_text(json.dumps(index))
    return folder


def layer_blobs(layout: Path) -> list[Path]:
    """The files of the layers of a layout."""
    index = json.loads((layout / "index.json").read_text())
    manifest = json.loads(_path(layout, index["manifests"][0]["digest"]).read_text())
    return [_path(layout, layer["digest"]) for layer in manifest["layers"]]


def archive(layout: Path, file: Path, kind: str) -> Path:
    """The layout as an archive; ``kind`` is "oci-archive" or "docker-archive"."""
    ref = ":test:v1" if kind == "docker-archive" else ""
    copy(f"oci:{layout}", f"{kind}:{file}{ref}")
    return file


def copy(origin: str, target: str, *options: str) -> None:
    command = ["skopeo", "--insecure-policy", "copy", "-q", "--dest-tls-verify=false", *options]
    subprocess.run([*command, origin, target], check=True, capture_output=True)


@contextlib.contextmanager
def registry(
    folder: Path, *, htpasswd: str = "", tls: tuple[str, str] | None = None, deletes: bool = False
) -> Iterator[str]:
    """A registry on a free port of loopback: ``127.0.0.1:port``. With ``htpasswd`` it wants a login.

    With ``tls``, the files of a certificate and its key, it speaks https; ``deletes``: it forgets what it is asked to.
    """
    folder.mkdir(exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config: dict[str, Any] = {
        "version": "0.1",
        "storage": {
            "filesystem": {"rootdirectory": str(folder / "blobs")},
            "delete": {"enabled": deletes},
        },
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    if tls:
        config["http"]["tls"] = {"certificate": tls[0], "key": tls[1]}
    if htpasswd:
        (folder / "htpasswd").write_text(htpasswd)
        config["auth"] = {"htpasswd": {"realm": "r", "path": str(folder / "htpasswd")}}
    (folder / "config.yml").write_text(json.dumps(config))
    argv = ["docker-registry", "serve", str(folder / "config.yml")]
    log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT)
    process = subprocess.Popen(argv, stdout=log, stderr=log)
    os.close(log)
    try:
        eventually(lambda: _listens(port), 10)
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _blob(folder: Path, content: bytes, media_type: str) -> dict[str, Any]:
    descriptor = describe(content, media_type)
    _path(folder, descriptor["digest"]).write_bytes(content)
    return descriptor


def _path(folder: Path, digest: str) -> Path:
    return folder / "blobs/sha256" / digest.removeprefix("sha256:")
