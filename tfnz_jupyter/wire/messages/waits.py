"""Waiting for a container to answer."""

from __future__ import annotations

from .base import Asked


class WaitTcp(Asked, frozen=True, tag="wait-tcp"):
    """Wait until a port of a container accepts. Result: ``Done``."""

    container: str
    port: int


class WaitHttp(Asked, frozen=True, tag="wait-http"):
    """Wait until a GET answers 200. Result: ``Done``."""

    container: str
    port: int
    path: str
    host: str
