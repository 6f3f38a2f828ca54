"""What a recipe is: an image described as Debian packages, a few files of our own, and a configuration.

``small`` recipes are packages unpacked without their maintainer scripts, completed by what those scripts would have
done: small and quick. The other kind is a whole Debian made by mmdebstrap. Text in ``config`` and ``files`` may say
``{major}``, which becomes the first number of the version of ``versioned``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ....errors import ImageNotFound


@dataclass(frozen=True, slots=True)
class Entry:
    """One file, link or folder to put into the image. Without ``content`` and ``link``: a folder."""

    path: str  # relative to the root
    content: str | None = None
    link: str | None = None
    mode: int = 0o755
    owner: tuple[int, int] = (0, 0)


def folder(path: str, mode: int = 0o755, owner: tuple[int, int] = (0, 0)) -> Entry:
    return Entry(path, mode=mode, owner=owner)


def text(path: str, content: str, mode: int = 0o644) -> Entry:
    return Entry(path, content=content, mode=mode)


def link(path: str, target: str) -> Entry:
    return Entry(path, link=target, mode=0o777)


@dataclass(frozen=True, slots=True)
class User:
    """A line of /etc/passwd, and the group of the same name."""

    name: str
    number: int
    home: str = "/nonexistent"
    shell: str = "/usr/sbin/nologin"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to build one well-known image."""

    name: str
    packages: tuple[str, ...]
    versioned: str  # the package whose version a tag is compared with
    config: dict[str, Any]  # Entrypoint, Cmd, Env, ... as in an image configuration
    files: tuple[Entry, ...] = ()  # win over the packages' own
    users: tuple[User, ...] = ()
    assumed: tuple[str, ...] = ()  # packages that others depend on and the image can do without
    excluded: tuple[str, ...] = ()  # patterns (fnmatch) of paths to leave out
    small: bool = True


@dataclass(frozen=True, slots=True)
class Version:
    """The version of a Debian package, and the release it is from."""

    full: str  # "5:7.0.15-1~deb12u10"
    codename: str  # "bookworm"
    release: str = field(default="")  # "12"

    @property
    def upstream(self) -> str:
        """``7.0.15``: without epoch, Debian revision and repacking marks."""
        bare = self.full.rpartition(":")[2]
        bare = bare.rpartition("-")[0] or bare
        return re.split(r"[+~]", bare)[0]

    @property
    def major(self) -> str:
        return self.upstream.split(".")[0]


def check_tag(name: str, tag: str, version: Version) -> None:
    """Whether the recipe may honestly be called ``name:tag``: a prefix of its version, with or without the release.

    Raises:
        ImageNotFound: it may not; says which version there is.
    """
    plain = re.sub(rf"(^|-)(slim|{re.escape(version.codename)})(?=-|$)", "", tag)
    asked, have = plain.split("."), version.upstream.split(".")
    if plain in ("", "latest") or asked == have[: len(asked)]:
        return
    short = ".".join(have[:2])
    raise ImageNotFound(
        f"{name}:{tag} needs a registry; the recipe for {name} makes version {version.upstream}",
        hint=f"Ask for '{name}' or '{name}:{short}', or try again where a registry answers.",
    )
