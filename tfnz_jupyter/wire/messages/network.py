"""Who may reach whom."""

from __future__ import annotations

from .base import Asked


class AllowConnection(Asked, frozen=True, tag="allow-connection"):
    """Let ``client`` open connections to ``container``, once both run. Result: ``Done``."""

    container: str
    client: str


class DisallowConnection(Asked, frozen=True, tag="disallow-connection"):
    """Take that back, whoever asked for it; connections are cut. Result: ``Done``, also where nothing was open."""

    container: str
    client: str
