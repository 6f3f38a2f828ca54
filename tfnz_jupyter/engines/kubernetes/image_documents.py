"""What an image that is pushed consists of, as the OCI's documents. Pure: the same image gives the same bytes."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Mapping
from typing import Any

from ..base import ImageInfo, Layer
from ..image_config import facts

LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'
_CONFIG = "application/vnd.oci.image.config.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_TAR = "application/vnd.oci.image.layer.v1.tar"
_DOCKERS = "application/vnd.docker.image.rootfs.diff.tar"
_GO_NAMES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}


def config(image: ImageInfo) -> bytes:
    """Its configuration, of what is known of it."""
    machine = platform.machine()
    run: dict[str, object] = {
        "Env": [f"{name}={value}" for name, value in image.env],
        "Entrypoint": list(image.entrypoint) or None,
        "Cmd": list(image.cmd) or None,
        "User": image.user or None,
        "WorkingDir": image.working_dir,
        "StopSignal": image.stop_signal,
        "ExposedPorts": {f"{port}/tcp": {} for port in image.ports} or None,
    }
    return _json(
        {
            "architecture": _GO_NAMES.get(machine, machine),
            "os": "linux",
            "config": {name: value for name, value in run.items() if value is not None},
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in image.layers]},
        }
    )


def manifest(image: ImageInfo) -> bytes:
    """Its manifest."""
    return _json(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": _descriptor(_CONFIG, config(image)),
            "layers": [
                {
                    "mediaType": layer.media_type.replace(_DOCKERS, _TAR).replace(".gzip", "+gzip"),
                    "digest": layer.digest,
                    "size": layer.size,
                }
                for layer in image.layers
            ],
        }
    )


def manifest_digest(image: ImageInfo) -> str:
    """What a registry calls it."""
    return digest(manifest(image))


def index(image: ImageInfo) -> bytes:
    """Of a layout that holds it alone."""
    return _json({"schemaVersion": 2, "manifests": [_descriptor(_MANIFEST, manifest(image))]})


def digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def layer(files: Mapping[str, bytes]) -> tuple[Layer, bytes]:
    """A layer of programs, and its blob."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content))
    blob = gzip.compress(buffer.getvalue(), mtime=0)
    return Layer(digest(blob), digest(buffer.getvalue()), len(blob), f"{_TAR}+gzip"), blob


def image_info(reference: str, found: Mapping[str, Any], engine: str) -> ImageInfo:
    """An image by its configuration alone, as its registry has it; nobody here needs its layers."""
    run = found.get("config") or {}
    return ImageInfo(reference, digest(_json(found)), (), **facts(run), source=engine)


def _descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest(content), "size": len(content)}


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
