"""How a word is read as a value: each reader gives the value, or raises ``ValueError`` with what it should have been."""

from __future__ import annotations

import ipaddress
import re

from .commands import Backend, Port, Wait

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?", re.IGNORECASE)
_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_FQDN = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


def port(word: str) -> int:
    """1 to 65535."""
    if not (word.isascii() and word.isdigit() and 1 <= int(word) <= 65535):
        raise ValueError("a port is a number from 1 to 65535")
    return int(word)


def local_port(word: str) -> int | None:
    """A port; 0 and nothing both mean a free one."""
    return None if word in ("", "0") else port(word)


def any_port(word: str) -> int:
    """A port, or 0 for any free one."""
    return local_port(word) or 0


def ports(word: str) -> Port:
    """[LOCAL:]PORT."""
    local, _, dest = word.rpartition(":")
    if ":" in local:
        raise ValueError("it is [LOCAL:]PORT; a tunnel always listens on 127.0.0.1")
    return Port(port(dest), local_port(local))


def count(word: str) -> int:
    """A number of things, 0 or more."""
    if not (word.isascii() and word.isdigit()):
        raise ValueError("it is a whole number")
    return int(word)


def size(word: str) -> int:
    """Bytes: 512m, 1.5g, 64k, 1048576."""
    match = _SIZE.fullmatch(word.strip())
    if not match or float(match[1]) == 0:
        raise ValueError("a size is a number with k, m or g, like 512m")
    return int(float(match[1]) * _UNITS[match[2].lower()])


def duration(word: str) -> float:
    """Seconds: 90s, 30m, 24h, 7d, 2w."""
    match = _DURATION.fullmatch(word.strip())
    if not match or float(match[1]) == 0:
        raise ValueError("a duration is a number with s, m, h, d or w, like 24h")
    return float(match[1]) * _SECONDS[match[2]]


def seconds(word: str) -> float:
    """A number of seconds, 0 or more."""
    try:
        number = float(word)
    except ValueError:
        number = -1.0
    if not 0 <= number < 1e9:
        raise ValueError("it is a number of seconds")
    return number


def cpus(word: str) -> float:
    """A number of processors above 0, fractions allowed."""
    try:
        number = float(word)
    except ValueError:
        number = 0.0
    if not 0 < number < 10_000:
        raise ValueError("it is a number above 0, like 0.5")
    return number


def variable(word: str) -> tuple[str, str | None]:
    """K=V, or K alone for the value it has here."""
    key, equals, value = word.partition("=")
    if not _VARIABLE.fullmatch(key):
        raise ValueError("it is NAME=VALUE, or NAME for the value it has here")
    return key, value if equals else None


def file(word: str) -> tuple[str, str]:
    """SRC:DEST, DEST absolute."""
    source, _, dest = word.rpartition(":")
    if not source or not dest.startswith("/"):
        raise ValueError("it is SRC:DEST, a file here and an absolute path in the container")
    return source, dest


def volume(word: str) -> tuple[str, str]:
    """VOLUME:PATH, PATH absolute."""
    name, _, path = word.partition(":")
    if name.startswith(("/", ".", "~")):
        raise ValueError(
            "it is VOLUME:PATH: folders of this machine are not mounted; put copies one, volume create makes a volume"
        )
    if not name or not path.startswith("/"):
        raise ValueError("it is VOLUME:PATH, a volume and an absolute path in the container")
    return name, path


def egress(word: str) -> str | tuple[str, ...]:
    """internet, none, all, or networks."""
    if word in ("internet", "none", "all"):
        return word
    try:
        return tuple(str(ipaddress.ip_network(one)) for one in word.split(","))
    except ValueError as error:
        raise ValueError(
            f"it is internet, none, all, or networks like 10.1.0.0/16: {error}"
        ) from None


def fqdn(word: str) -> str:
    """A host name, in lower case."""
    name = word.lower().removesuffix(".")
    if not _FQDN.fullmatch(name):
        raise ValueError("it is a host name, like web.localhost")
    return name


def published(word: str) -> tuple[str, int | None]:
    """FQDN[:PORT]."""
    name, _, number = word.partition(":")
    if name.isdigit():
        raise ValueError("it is a host name, like web.localhost; -p makes a tunnel to a port")
    return fqdn(name), port(number) if number else None


def backend(word: str) -> Backend:
    """NAME[:PORT]."""
    name, _, number = word.partition(":")
    if not name:
        raise ValueError("it is NAME[:PORT], a container and the port it serves")
    return Backend(name, port(number) if number else None)


def certificate(word: str) -> tuple[str, ...]:
    """CERT,KEY[,CHAIN], or ``own`` for the location's authority."""
    if word == "own":
        return ()
    files = tuple(word.split(","))
    if len(files) not in (2, 3) or not all(files):
        raise ValueError("it is CERT,KEY or CERT,KEY,CHAIN: names of files")
    return files


def tag(word: str) -> str:
    """The name of an image that is to be made."""
    if word.startswith((".", "/", "~")):
        raise ValueError("first comes the image's name, like app; its folder is --context FOLDER")
    return word


def folder(word: str) -> str:
    """An absolute path in the container."""
    if not word.startswith("/"):
        raise ValueError("it is an absolute path in the container")
    return word


def wait(word: str) -> Wait:
    """tcp:PORT, http:PORT[/PATH], log:REGEX, ready."""
    kind, _, rest = word.partition(":")
    match kind:
        case "ready" if not rest:
            return Wait("ready")
        case "tcp":
            return Wait("tcp", port=port(rest))
        case "http":
            number, _, path = rest.partition("/")
            return Wait("http", port=port(number), path=path)
        case "log" if rest:
            return Wait("log", pattern=_regex(rest))
        case _:
            raise ValueError("it is ready, tcp:PORT, http:PORT[/PATH] or log:REGEX")


def _regex(text: str) -> str:
    try:
        re.compile(text.encode())
    except re.error as error:
        raise ValueError(f"the expression does not read: {error}") from None
    return text
