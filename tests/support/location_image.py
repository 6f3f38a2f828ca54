"""An image that a location runs from in a cluster: Debian's Python, skopeo and caddy, and this package as it is installed here.

The packages come from the mirrors, as those of a recipe do; what pip has installed is copied, which takes a second where
installing it anew takes a minute.
"""

from __future__ import annotations

import os
import re
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.support import tinyimage
from tfnz_jupyter.engines.base import ImageInfo
from tfnz_jupyter.engines.kubernetes.registry import Registry
from tfnz_jupyter.server.images.recipes import Recipe
from tfnz_jupyter.server.images.recipes.builder import Builder
from tfnz_jupyter.server.images.store import Store

ROOT = Path(__file__).parents[2]
_VERSION = "{}.{}".format(*sys.version_info)
_PLACE = f"usr/local/lib/python{_VERSION}/dist-packages"
_TFNZ = b"#!/usr/bin/python3\nimport sys\nfrom tfnz_jupyter.cli import main\nsys.exit(main())\n"

_DEBIAN = Recipe(
    name="location",
    packages=(
        "python3",
        "libstdc++6",
        "util-linux",
        "skopeo",
        "caddy",
        "busybox-static",
        "ca-certificates",
    ),
    versioned="python3",
    assumed=("debconf", "openssl", "gnupg", "golang-github-containers-common", "libnss3-tools"),
    config={
        "Env": [
            "PATH=/usr/local/bin:/usr/sbin:/usr/bin",
            "LANG=C.UTF-8",
            "PYTHONPYCACHEPREFIX=/var/lib/tfnz/compiled",  # at the first start; copied is source alone
        ]
    },
)


async def pushed(folder: Path) -> str:
    """The image's reference in the cluster's registry. ``folder`` is scratch."""
    store = Store(folder / "images")
    made = await Builder(store, folder / "apt").build(_DEBIAN, "latest", lambda _progress: None)
    store.put("debian", made, "recipe")
    debian = store.get("debian", "location")
    assert debian is not None
    _check_version(folder / "images" / "blobs", debian)
    layers = (*debian.layers, tinyimage.layer(store.blobs, _fill, compress="none"))
    image = replace(debian, layers=layers)
    registry = Registry.parse(f"http://{os.environ['TFNZ_TEST_REGISTRY']}/location")
    await registry.push(image, store.blobs, lambda _progress: None)
    return registry.reference(image)


def _check_version(blobs: Path, debian: ImageInfo) -> None:
    """What is compiled is for one Python."""
    layer = blobs / "sha256" / debian.layers[0].digest.removeprefix("sha256:")
    with tarfile.open(layer) as tar:
        if f"usr/bin/python{_VERSION}" not in tar.getnames():
            pytest.skip(f"the tests run by Python {_VERSION}, which is not the distribution's")


def _fill(tar: tarfile.TarFile) -> None:
    """What ``pip install 'tfnz_jupyter[kubernetes]'`` would have put there."""
    tinyimage.add_file(tar, "usr/local/bin/tfnz", _TFNZ, 0o755)
    for path in sorted((ROOT / "tfnz_jupyter").rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            _add(tar, f"{_PLACE}/{path.relative_to(ROOT)}", path)
    for found in _installed():
        for file in found.files or ():
            if file.parts[0] != ".." and "__pycache__" not in file.parts:
                _add(tar, f"{_PLACE}/{file}", Path(str(found.locate_file(file))))


def _add(tar: tarfile.TarFile, name: str, file: Path) -> None:
    tinyimage.add_file(tar, name, file.read_bytes(), 0o644)


def _installed() -> Iterator[Distribution]:
    """All that the package needs with its extra, itself left out: it lies here."""
    seen, left = {"tfnz-jupyter"}, list(_needs("tfnz_jupyter", "", "kubernetes"))
    while left:
        name, extras = left.pop()
        if name not in seen:
            seen.add(name)
            left += _needs(name, "", *extras)
            yield distribution(name)


def _needs(name: str, *extras: str) -> Iterator[tuple[str, set[str]]]:
    for text in distribution(name).requires or ():
        wanted = Requirement(text)
        if wanted.marker is None or any(wanted.marker.evaluate({"extra": one}) for one in extras):
            yield re.sub(r"[-_.]+", "-", wanted.name).lower(), wanted.extras
