"""Tagged containers of a user's other sessions."""

from __future__ import annotations

from typing import ClassVar

from .base import Asked, Said


class Attach(Asked, frozen=True, tag="attach"):
    """Follow the log of another session's container, and feed its standard input. Result: ``Done``."""

    container: str
    output: int
    input: int


class ExternalOffered(Said, frozen=True, tag="external-offered"):
    """Another session of this user has a tagged container; what becomes of it comes as ``ContainerChanged``."""

    container: str
    tag: str
    name: str
    image: str
    node: str
    command: list[str] | None = None
    from_client: ClassVar[bool] = False
