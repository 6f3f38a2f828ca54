"""What builds need of containers on this machine: their files are reached as the embedded engine reaches its own.

What a container has written lies in the upper folder of its overlay, wherever its Docker or Podman keeps that.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

from ...errors import NotSupported
from ..base import ImageInfo
from ..embedded.workshop import EmbeddedWorkshop
from .containers import Container
from .hosts import Host
from .images import Images

_ELSEWHERE = "Build it at another location (the embedded one, say), and push it to a registry or save it to a file."
_OCTAL = re.compile(r"\\([0-7]{3})")


class DockerWorkshop(EmbeddedWorkshop):
    """Of one host. See :class:`~tfnz_jupyter.engines.building.Workshop`.

    Args:
        live: the container of an id; raises ``ContainerEnded``.
        root: a descriptor of what it sees as ``/``.
        still: ends what runs in it.
    """

    def __init__(
        self, host: Host, images: Images, live: Callable[[str], Container],
        root: Callable[[str], Awaitable[int]], still: Callable[[str], Awaitable[object]],
    ) -> None:  # fmt: skip
        super().__init__(
            lambda image, blobs, report: images.prepare(host, image, blobs, report),
            root, still, lambda name: _written(live(name).pid), lambda: 0,
        )  # fmt: skip
        self._host, self._images = host, images

    async def forget(self, images: Sequence[ImageInfo]) -> None:
        await self._images.forget(self._host, images)


def require_at_hand(host: Host) -> None:
    """Raises ``NotSupported`` where nothing can be built."""
    if not host.is_near:
        raise NotSupported(
            f"no images are built on {host.name}: it is another machine", hint=_ELSEWHERE
        )
    if os.geteuid() != 0:
        raise NotSupported(
            "no images are built on Docker by an ordinary user: layers are read by root alone",
            hint=_ELSEWHERE,
        )


def has_children(pid: int) -> bool:
    """Whether a process has any: a container's first is given those whose parents have ended."""
    return bool(Path(f"/proc/{pid}/task/{pid}/children").read_text().strip())


@contextlib.contextmanager
def _written(pid: int) -> Iterator[int]:
    """A descriptor of the upper folder of the overlay that is a process's root. Raises ``NotSupported``: there is none."""
    folder = upper_folder(Path(f"/proc/{pid}/mountinfo").read_text())
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as problem:
        raise NotSupported(
            f"no images are built on this Docker: {folder} is not seen from here", hint=_ELSEWHERE
        ) from problem
    try:
        yield fd
    finally:
        os.close(fd)


def upper_folder(mounts: str) -> str:
    """Where the overlay mounted at ``/`` keeps what is written, by the text of a ``mountinfo``. Pure."""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        kind, _source, options = after.split(" ", 2)
        if before.split()[4] == "/" and kind == "overlay":
            named = dict(part.partition("=")[::2] for part in options.split(","))
            return _OCTAL.sub(lambda found: chr(int(found[1], 8)), named["upperdir"])
    raise NotSupported(
        "no images are built on this Docker: it keeps containers on no overlay", hint=_ELSEWHERE
    )
