"""SSH and SFTP into a container."""

from __future__ import annotations

from .base import Asked


class OpenSsh(Asked, frozen=True, tag="open-ssh"):
    """As ``OpenTunnel``, but with an SSH server behind it. Result: ``Listening``; closed by ``CloseTunnel``.

    ``keys`` are lines of an ``authorized_keys`` file.
    """

    container: str
    tunnel: str
    keys: list[str]
    local_port: int = 0
    bind: str = "127.0.0.1"
