"""Images: making them ready, and what there is."""

from __future__ import annotations

from .base import Answer, Asked


class EnsureImage(Asked, frozen=True, tag="ensure-image"):
    """Make an image ready to boot. Result: ``ImageReady``. Progress comes as ``Progressed`` with the call's id.

    ``login`` is a name and a password at the image's registry, for this pull alone.
    """

    reference: str
    login: tuple[str, str] | None = None


class FindImage(Asked, frozen=True, tag="find-image"):
    """Whether this user's images have one already, by name. Result: ``ImageReady``, or ``NotFound``."""

    reference: str


class PutImage(Asked, frozen=True, tag="put-image"):
    """Take in an image as an archive (a Docker one, or an OCI layout) on a stream. Result: ``ImageReady``, as above.

    It is kept under the name ``reference``; ``ref`` says which it is of several in the archive.
    """

    reference: str
    input: int
    ref: str = ""


class ListImages(Asked, frozen=True, tag="list-images"):
    """What the store holds. Result: ``Images``."""


class RemoveImage(Asked, frozen=True, tag="remove-image"):
    """Forget an image and free what nothing else needs. Result: ``Done``."""

    reference: str


class BuildImage(Asked, frozen=True, tag="build-image"):
    """Make an image from a Dockerfile. Result: ``ImageReady``. Progress as with ``EnsureImage``.

    What the build says comes on stream ``output``. Its context, a folder in the form of :mod:`tfnz_jupyter.wire.tree`, is
    sent on stream ``input`` where there is one (0: none). ``arguments`` are values of its ARGs, ``target`` the name of its last
    stage; ``memory`` and ``egress`` are of each step's container.
    """

    reference: str
    dockerfile: str
    output: int
    input: int = 0
    arguments: list[tuple[str, str]] = []
    target: str = ""
    cache: bool = True
    memory: int | None = None
    egress: str | list[str] = "internet"


class ImageReady(Answer, frozen=True, tag="image-ready"):
    """An image can be booted: its id, where it came from, its layers' diff ids (lowest first)."""

    reference: str
    id: str
    source: str
    layers: list[str]


class Images(Answer, frozen=True, tag="images"):
    """What the store holds."""

    images: list[ImageReady]
