"""Manifests and configurations of images, as data. Pure.

The store keeps OCI manifests; Docker's schema 2 has the same shape under other media types, and both are read. Schema 1
(Docker before 2016) is not: its layers have no diff ids and its digests cover a signature.
"""

from __future__ import annotations

import hashlib
import json
import platform
from typing import Any

from ...engines.base import ImageInfo, Layer
from ...engines.image_config import facts
from ...errors import EngineFailed, NotSupported

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
TAR = "application/vnd.oci.image.layer.v1.tar"
_LAYERS = {
    TAR,
    TAR + "+gzip",
    TAR + "+zstd",
    "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.docker.image.rootfs.diff.tar.zstd",
}
_GO_NAMES = {
    "x86_64": ("amd64", ""),
    "aarch64": ("arm64", "v8"),
    "armv7l": ("arm", "v7"),
    "armv6l": ("arm", "v6"),
    "i686": ("386", ""),
    "ppc64le": ("ppc64le", ""),
    "s390x": ("s390x", ""),
    "riscv64": ("riscv64", ""),
}


def this_machine() -> tuple[str, str]:
    """(architecture, variant) as images name them."""
    machine = platform.machine()
    return _GO_NAMES.get(machine, (machine, ""))


def digest_of(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def describe(content: bytes, media_type: str) -> dict[str, Any]:
    """The descriptor of a blob."""
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


def canonical(document: dict[str, Any]) -> bytes:
    """JSON that is the same for the same document."""
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def check_manifest(reference: str, manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest, if it is one of an image that can be run here.

    Raises:
        NotSupported: schema 1, or layers of a kind nobody here unpacks.
        EngineFailed: it is no manifest at all.
    """
    if manifest.get("schemaVersion") == 1:
        raise NotSupported(
            f"image {reference} is stored in Docker's schema 1, which was given up in 2016",
            hint="Pull and push it again with a current Docker or skopeo.",
        )
    layers = manifest.get("layers")
    if not isinstance(layers, list) or not isinstance(manifest.get("config"), dict):
        raise EngineFailed(f"image {reference} has a manifest that is not of an image")
    for layer in layers:
        if layer.get("mediaType") not in _LAYERS:
            kind = layer.get("mediaType")
            raise NotSupported(f"image {reference} has a layer of an unknown kind: {kind}")
    return manifest


def choose_instance(reference: str, index: dict[str, Any], machine: tuple[str, str]) -> str:
    """The digest of the manifest for this machine out of an index. Raises ``NotSupported`` listing what there is."""
    architecture, variant = machine
    fits, offered = [], []
    for entry in index.get("manifests", []):
        at = entry.get("platform", {})
        offered.append(
            "/".join(filter(None, (at.get("os"), at.get("architecture"), at.get("variant"))))
        )
        if at.get("os") == "linux" and at.get("architecture") == architecture:
            fits.append((at.get("variant", "") in ("", variant), entry["digest"]))
    if not fits:
        listed = ", ".join(sorted({o for o in offered if "unknown" not in o})) or "nothing"
        raise NotSupported(
            f"image {reference} does not exist for this machine (linux/{architecture}); there is {listed}"
        )
    return str(max(fits, key=lambda fit: fit[0])[1])


def check_platform(reference: str, config: dict[str, Any], machine: tuple[str, str]) -> None:
    """Raises ``NotSupported`` if the image is for another kind of machine."""
    system, architecture = config.get("os") or "linux", config.get("architecture") or machine[0]
    if system != "linux" or architecture != machine[0]:
        raise NotSupported(
            f"image {reference} is for {system}/{architecture}; this machine is linux/{machine[0]}"
        )


def image_info(
    reference: str, manifest: dict[str, Any], config: dict[str, Any], source: str
) -> ImageInfo:
    """What the manifest and the configuration say. Raises ``ValueError`` where they do not fit each other."""
    run = config.get("config") or {}
    diff_ids = (config.get("rootfs") or {}).get("diff_ids") or []
    if len(diff_ids) != len(manifest["layers"]):
        raise ValueError(f"{len(manifest['layers'])} layers, but {len(diff_ids)} diff ids")
    return ImageInfo(
        reference=reference,
        id=manifest["config"]["digest"],
        layers=tuple(
            Layer(layer["digest"], diff_id, layer["size"], layer["mediaType"])
            for layer, diff_id in zip(manifest["layers"], diff_ids, strict=True)
        ),
        **facts(run),
        source=source,
    )
