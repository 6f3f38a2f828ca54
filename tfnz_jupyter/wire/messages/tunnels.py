"""Ports that lead into a container."""

from __future__ import annotations

from .base import Answer, Asked


class OpenTunnel(Asked, frozen=True, tag="open-tunnel"):
    """Listen on this machine and forward to a port of a container. Result: ``Listening``.

    Where ``bind`` is empty, nobody listens: the program does, and asks for each connection with ``Dial``.
    """

    container: str
    tunnel: str
    port: int
    local_port: int = 0
    bind: str = "127.0.0.1"


class CloseTunnel(Asked, frozen=True, tag="close-tunnel"):
    """Stop listening and drop its connections. Result: ``Done``."""

    tunnel: str


class Dial(Asked, frozen=True, tag="dial"):
    """Open one connection of a tunnel; its bytes are two streams. Result: ``Done`` once it is open."""

    tunnel: str
    output: int
    input: int


class Listening(Answer, frozen=True, tag="listening"):
    """The tunnel's own end."""

    address: str
    port: int
