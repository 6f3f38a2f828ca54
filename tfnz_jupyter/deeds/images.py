"""Images, as a line asks for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..grammar import Build
from ..sdk.location import Location
from .environment import filled
from .progress import Report


def images(location: Location) -> Iterator[str]:
    """The images there are, a line each."""
    found = sorted(location.images())
    yield from found
    if not found:
        yield "There are no images yet: a spawn, or image pull, brings one."


def pull(location: Location, image: str, report: Report) -> str:
    """Make an image ready; what was done, in words."""
    layers = location.ensure_image_uploaded(image, progress=report)
    return f"{image} is ready, {len(layers)} layer{'s' * (len(layers) != 1)}."


def remove(location: Location, image: str) -> str:
    """Forget an image; what was done, in words."""
    location.remove_image(image)
    return f"{image} is forgotten, and what only it needed is free."


def wanted(wish: Build) -> dict[str, Any]:
    """What a line or cell asks ``Location.build_image`` for.

    A cell is the Dockerfile, and has no context unless it names one; a line has this folder.
    """
    is_cell = wish.body is not None
    return {
        "tag": wish.tag,
        "dockerfile": wish.body if is_cell else wish.file and Path(wish.file),
        "context": wish.context or (None if is_cell else "."),
        "build_args": filled(wish.arguments, "--build-arg"),
        "target": wish.target,
        "cache": not wish.no_cache,
        "memory": wish.memory,
        "egress": wish.egress or "internet",
    }


def built(wish: Build, seconds: float) -> str:
    """What was done, in words."""
    return f"{wish.tag} is built, in {seconds:.1f} s."
