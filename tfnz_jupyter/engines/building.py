"""What an engine lends to who builds images.

The location's builder runs each step of a Dockerfile in a container like any other. A **workshop** does the deeds that are
more than a container's: make what a step begins with bootable and forget it again, copy from one container into another, tell
what would be copied by its digest, and give what was written as a layer.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .base import ImageInfo, Report


@dataclass(frozen=True, slots=True)
class Copy:
    """Files and folders to be copied from one container into another.

    ``sources`` are paths in the one; of a folder, what is in it is copied. ``dest`` is a path in the other: a folder if it ends
    with ``/``, is one already, or there is more than one source; what is missing of it is made.
    """

    sources: tuple[str, ...]
    dest: str
    owner: str = ""  # as ImageInfo.user, looked up in the other; empty: as it was
    mode: int | None = None  # permission bits; None: as they were


@dataclass(frozen=True, slots=True)
class Changes:
    """A layer that was written to a file, as an uncompressed tar."""

    digest: str  # of the tar, "sha256:..."
    size: int  # bytes


class Workshop(ABC):
    """Deeds on live containers that are asleep, which raise ``ContainerEnded``; and on what they are made of."""

    @abstractmethod
    async def prepare(self, image: ImageInfo, blobs: Path, report: Report) -> None:
        """Make bootable what a step begins with, as :meth:`~tfnz_jupyter.engines.base.Engine.install` does for everybody."""

    async def forget(self, images: Sequence[ImageInfo]) -> None:  # noqa: B027  # some keep layers, and no images
        """The steps that began with these are done, their containers gone. Never raises."""

    @abstractmethod
    async def digest(self, container: str, paths: Sequence[str]) -> str:
        """A digest of all that is at these paths but its times: the same where a copy would be the same.

        Raises ``OSError`` where there is nothing at one of them.
        """

    @abstractmethod
    async def copy(self, source: str, dest: str, order: Copy) -> None:
        """Copy between two containers. No symlink in either leads out of it.

        Raises ``OSError`` as the system calls do, ``UsageError`` where nobody is called as ``owner`` says.
        """

    @abstractmethod
    async def changes(self, container: str, file: Path) -> Changes | None:
        """Write to ``file`` what was written in a container since it was booted; None where that is nothing.

        What still runs in it is ended first. Cancelling it leaves no process. Raises ``EngineFailed``.
        """
