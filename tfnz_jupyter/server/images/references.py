"""What a user may call an image, and the one form each is kept under.

    nginx, nginx:1.25, org/app, host:5000/app@sha256:...   a name, normalised as Docker does: docker.io/library/nginx:latest
    oci-archive:FILE, docker-archive:FILE, oci:DIR[:REF]    a file or folder of this machine, its kind said
    ./app.tar, /some/layout                                  the same, the kind found by looking
    .                                                        the newest image of the local Docker or Podman

Parsing is pure but for one thing: whether a path exists, and is a file or a folder.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ...errors import UsageError

_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_HOST = re.compile(
    r"(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
    r"(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*"
    r"|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?"
)
_LONGEST_NAME = 255
_KINDS = ("oci-archive", "docker-archive", "oci")
_FOREIGN = ("docker", "docker-daemon", "containers-storage", "dir", "ostree", "sif", "tarball")
DOCKER_HUB = "docker.io"


@dataclass(frozen=True, slots=True)
class Name:
    """An image known by name: ``host/path:tag`` or ``host/path@digest``."""

    host: str
    path: str
    tag: str = "latest"
    digest: str = ""
    host_given: bool = False  # the user wrote the host: there is no other place to look

    @property
    def key(self) -> str:
        """The full form; equal for all ways to write the same image."""
        return f"{self.host}/{self.path}" + self.suffix

    @property
    def suffix(self) -> str:
        """``@digest`` if there is one (it decides), else ``:tag``."""
        return f"@{self.digest}" if self.digest else f":{self.tag}"

    @property
    def familiar(self) -> str:
        """As Docker shows it: without what is understood."""
        path = self.path.removeprefix("library/") if self.host == DOCKER_HUB else self.path
        return (path if self.host == DOCKER_HUB else f"{self.host}/{path}") + self.suffix

    @property
    def hostname(self) -> str:
        """The host without its port, and an IPv6 address without its brackets."""
        bare = self.host[: self.host.rindex(":")] if self.port is not None else self.host
        return bare.strip("[]")

    @property
    def port(self) -> int | None:
        """The port the user wrote, or None."""
        _, colon, port = self.host.rpartition(":")
        return int(port) if colon and port.isdecimal() and not self.host.endswith("]") else None


@dataclass(frozen=True, slots=True)
class File:
    """An image in a file or folder of this machine."""

    kind: str  # one of "oci-archive", "docker-archive", "oci"; "archive": either of the first two
    path: Path  # absolute
    ref: str = ""  # which image in it; empty: the only one

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.path}" + (f":{self.ref}" if self.ref else "")

    @property
    def source(self) -> str:
        """What :attr:`ImageInfo.source` calls it."""
        return "layout" if self.kind == "oci" else "archive"


@dataclass(frozen=True, slots=True)
class Newest:
    """Whatever image the local Docker or Podman made last."""

    key: str = "."


Reference = Name | File | Newest


def parse_reference(text: str) -> Reference:
    """The reference a user wrote.

    Raises:
        UsageError: it has no meaning; the message names the part that is wrong.
    """
    if not isinstance(text, str) or not text.strip():
        raise UsageError("an image needs a name", hint="For example 'nginx' or 'python:3.11'.")
    if text != text.strip() or any(c.isspace() or not c.isprintable() for c in text):
        raise _wrong(text, "it has a space or a control character in it")
    if text == ".":
        return Newest()
    kind, colon, rest = text.partition(":")
    if colon and kind in _KINDS:
        return _file(text, kind, rest)
    if colon and kind in _FOREIGN and rest.startswith("/"):
        raise _wrong(text, f"'{kind}:' is not one of {', '.join(k + ':' for k in _KINDS)}")
    if "://" in text:
        raise _wrong(text, "an image is not a URL")
    if text.startswith(("/", "./", "../", "~")):
        return _path(text)
    return parse_name(text)


def is_local(text: str) -> bool:
    """Whether a reference is about files or engines of the machine it is resolved on. Touches none of them."""
    kind, colon, _ = text.partition(":")
    return (
        text == "."
        or text.startswith(("/", "./", "../", "~"))
        or bool(colon and kind in (*_KINDS, *_FOREIGN))
    )


def parse_name(text: str) -> Name:
    """A name such as ``nginx`` or ``host:5000/app@sha256:...``. Raises ``UsageError``."""
    rest, at, digest = text.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        raise _wrong(text, f"digest '{digest}' is not sha256: and 64 hexadecimal digits")
    host, path, given = _split_host(rest)
    path, colon, tag = path.partition(":")
    if colon and not _TAG.fullmatch(tag):
        raise _wrong(text, f"tag '{tag}' is not 1 to 128 of letters, digits, '_', '.', '-'")
    if given and not _HOST.fullmatch(host):
        raise _wrong(text, f"registry host '{host}' is not a host name, with or without a port")
    _check_path(text, path)
    if host == DOCKER_HUB and "/" not in path:
        path = f"library/{path}"
    return Name(host, path, tag or "latest", digest, given)


def _split_host(text: str) -> tuple[str, str, bool]:
    """Docker's rule: the first part is a host if it has a dot, a colon, a capital, or is localhost."""
    first, slash, rest = text.partition("/")
    looks = any(c in first for c in ".:[") or first == "localhost" or first.lower() != first
    if not (slash and looks):
        return DOCKER_HUB, text, False
    hub = first in (DOCKER_HUB, f"index.{DOCKER_HUB}")
    return (DOCKER_HUB if hub else first), rest, True


def _check_path(text: str, path: str) -> None:
    if not path:
        raise _wrong(text, "the name is empty")
    if len(path) > _LONGEST_NAME:
        raise _wrong(text, f"the name is longer than {_LONGEST_NAME} characters")
    if re.fullmatch(r"[0-9a-f]{64}", path):
        raise _wrong(text, "64 hexadecimal digits are an id, not a name")
    for part in path.split("/"):
        if part != part.lower():
            raise _wrong(text, f"'{part}' has capitals; image names are lower case")
        if not _COMPONENT.fullmatch(part):
            why = "is not letters and digits with single '.', '_' or '-' between them"
            raise _wrong(text, f"'{part}' {why}")


def _file(text: str, kind: str, rest: str) -> File:
    path, ref = rest, ""
    if ":" in rest and not Path(rest).expanduser().exists():
        path, _, ref = rest.partition(":")
    if not path:
        raise _wrong(text, f"after '{kind}:' comes a path")
    found = Path(path).expanduser().absolute()
    if not found.exists():
        raise UsageError(f"image '{text}': there is no {found}", hint="Check the path.")
    if (kind == "oci") != found.is_dir():
        want = "a folder" if kind == "oci" else "a file"
        raise UsageError(f"image '{text}': {found} is not {want}, which '{kind}:' needs")
    return File(kind, found, ref)


def _path(text: str) -> File:
    path = Path(text).expanduser().absolute()
    if not path.exists():
        raise UsageError(f"image '{text}': there is no {path}", hint="Check the path.")
    return File("oci" if path.is_dir() else "archive", path)


def _wrong(text: str, why: str) -> UsageError:
    hint = "For example 'nginx', 'python:3.11' or 'host:5000/app:1.0'."
    return UsageError(f"'{text}' is not an image reference: {why}", hint=hint)
