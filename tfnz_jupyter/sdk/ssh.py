"""An SSH and SFTP server that leads into a container, and the keys it lets in."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..folders import config_folder
from .opening import Opening

if TYPE_CHECKING:
    from .container import Container

Keys = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]

USER = "root"


class SshServer(Opening):
    """Made by ``Container.create_ssh_server``. It ends with its container, or by ``Container.destroy_ssh_server``."""

    def __init__(
        self, uuid: str, container: Container, address: str, localport: int, key: Path
    ) -> None:
        super().__init__(uuid, container, "SSH server", address, localport)
        self.key = key  # the file with the private key that is always let in

    @property
    def command(self) -> str:
        """The whole line that logs in, from this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.bind, self.bind)
        words = ["ssh", "-i", str(self.key), "-p", str(self._localport), f"{USER}@{host}"]
        return shlex.join(words)

    def __repr__(self) -> str:
        state = "closed" if self.dead else self.command
        return f"<SshServer {self._container.name} {state}>"


def key_file() -> Path:
    """Where this user's own key for containers is."""
    folder = config_folder() / "ssh"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / "id_ed25519"


def accepted_keys(own: Path, given: Keys | None) -> list[str]:
    """Lines of an ``authorized_keys`` file: our own key (made if need be), those in ``~/.ssh``, and what is given.

    Raises:
        UsageError: what is given holds no key, or a line that is none.
    """
    from ..keyring.ssh import authorized_keys, load_or_create_ssh  # takes a while to load

    lines = [load_or_create_ssh(own).export_public_key().decode().strip()]
    for file in sorted((Path.home() / ".ssh").glob("*.pub")):
        with contextlib.suppress(
            OSError, UsageError
        ):  # nobody asked for these: what is none is not there
            found = _lines(file)
            authorized_keys(found)
            lines += found
    if given is not None:
        asked = [line for one in _each(given) for line in _lines(one)]
        if not asked:
            raise UsageError("authorized_keys: there is no key in it")
        authorized_keys(asked)
        lines += asked
    return lines


def _each(given: Keys) -> list[str | os.PathLike[str]]:
    return [given] if isinstance(given, str | os.PathLike) else list(given)


def _lines(source: str | os.PathLike[str]) -> list[str]:
    """The keys in a text, or in a file."""
    try:
        text = source if isinstance(source, str) else Path(source).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise UsageError(f"authorized_keys: {source} cannot be read: {problem}") from problem
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]
