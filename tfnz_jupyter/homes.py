"""A location that is started on this machine: its engine, what that was told, and the folders it lives in.

The embedded one has the folders of ``folders`` to itself; every other has a folder of its own below each of them, by engine and
options, so that ``Location(location="docker")`` and another ``--host`` are two locations, and all may serve at once. One that
serves others under a name has that name's folder: who is let in, and what runs, does not depend on what it is told this time.

An option that is not given is taken from the environment: ``TFNZ_<ENGINE>_<OPTION>``, several values apart by commas, or
what the engine's own tools read (``DOCKER_HOST``, ``KUBECONFIG``). What an option means, the engine alone knows.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .folders import runtime_folder, state_folder

EMBEDDED = "embedded"
_USUAL = {
    "docker": {"host": "DOCKER_HOST", "certs": "DOCKER_CERT_PATH"},
    "kubernetes": {"kubeconfig": "KUBECONFIG"},
}

_PATHS = {"certs", "kubeconfig"}  # the location works in another folder


@dataclass(frozen=True, slots=True)
class Home:
    """One such location; equal ones are the same."""

    engine: str = EMBEDDED
    options: tuple[tuple[str, tuple[str, ...]], ...] = ()  # by name
    served: str = ""  # the name under which it serves others

    @classmethod
    def of(cls, engine: str, given: Iterable[tuple[str, str]] = (), served: str = "") -> Home:
        """The home of an engine that is told these options, and for the rest what the environment says."""
        found: dict[str, tuple[str, ...]] = {}
        for name, value in given:
            found[name] = (*found.get(name, ()), value)
        told = _from_environment(engine) | found
        absolute = {name: tuple(map(_absolute, told[name])) for name in _PATHS & told.keys()}
        served = "" if engine == EMBEDDED else served  # its folders are the user's own
        return cls(engine, tuple(sorted((told | absolute).items())), served)

    @property
    def name(self) -> str:
        """What its folders are called."""
        if not self.options and not self.served:
            return self.engine
        told = json.dumps(self.served or self.options).encode()
        return f"{self.engine}-{hashlib.sha256(told).hexdigest()[:8]}"

    @property
    def runtime(self) -> Path:
        """Its sockets, locks and log. Raises ``UsageError``: the path is too long."""
        return runtime_folder(self._place)

    @property
    def state(self) -> Path:
        """Its images, accounts and containers."""
        return state_folder(self._place)

    @property
    def _place(self) -> str:
        return "" if self == EMBEDDED_HOME else self.name

    @property
    def words(self) -> list[str]:
        """What tells ``tfnz serve`` to serve here."""
        flags = [(name.replace("_", "-"), value) for name, many in self.options for value in many]
        return ["--engine", self.engine, *(f"--{name}={value}" for name, value in flags)]


EMBEDDED_HOME = Home()


def pairs(options: Mapping[str, str | Iterable[str]]) -> Iterable[tuple[str, str]]:
    """A mapping of options to a value or several, as :meth:`Home.of` takes them."""
    for name, value in options.items():
        for one in [value] if isinstance(value, str) else value:
            yield name, one


def _absolute(paths: str) -> str:
    """Of one path, or several as KUBECONFIG has them."""
    return os.pathsep.join(
        os.path.abspath(os.path.expanduser(path)) for path in paths.split(os.pathsep)
    )


def _from_environment(engine: str) -> dict[str, tuple[str, ...]]:
    usual = _USUAL.get(engine, {}).items()
    found: dict[str, tuple[str, ...]]
    found = {name: (os.environ[key],) for name, key in usual if os.environ.get(key)}
    prefix = f"TFNZ_{engine.upper()}_"
    for key, value in os.environ.items():
        if key.startswith(prefix) and value:
            found[key.removeprefix(prefix).lower()] = tuple(value.split(","))
    return found
