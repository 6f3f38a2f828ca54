"""Images: making them ready, and what there is."""

from __future__ import annotations

from .base import Answer, Asked


class EnsureImage(Asked, frozen=True, tag="ensure-image"):
    """Make an image ready to boot. Result: ``ImageReady``. Progress comes as ``Progressed`` with the call's id.

    ``login`` is a name and a password at the image's registry, for this pull alone.
    """

    reference: str
    login: tuple[str, str] | None = None


class ListImages(Asked, frozen=True, tag="list-images"):
    """What the store holds. Result: ``Images``."""


class ImageReady(Answer, frozen=True, tag="image-ready"):
    """An image can be booted: its id, where it came from, its layers' diff ids (lowest first)."""

    reference: str
    id: str
    source: str
    layers: list[str]


class Images(Answer, frozen=True, tag="images"):
    """What the store holds."""

    images: list[ImageReady]
