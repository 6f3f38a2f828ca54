"""Processes beside a container's first."""

from __future__ import annotations

from typing import ClassVar

from .base import Asked, Said


class Execute(Asked, frozen=True, tag="execute"):
    """One more process in a container. Result: ``Done`` once it runs; its end comes as ``ProcessEnded``.

    An empty ``command`` is the best shell the image has.
    """

    container: str
    process: str
    command: list[str]
    output: int
    input: int
    env: list[tuple[str, str]] = []
    cwd: str = ""
    user: str = ""
    terminal: tuple[int, int] | None = None  # columns, rows
    echo: bool = True  # whether the terminal shows what is typed


class Signal(Asked, frozen=True, tag="signal"):
    """Send a signal to a process. Result: ``Done``."""

    container: str
    process: str
    number: int


class EndProcess(Asked, frozen=True, tag="end-process"):
    """TERM to a process and all it started, KILL after ``grace`` seconds. Result: ``Done`` at once."""

    container: str
    process: str
    grace: float


class Resize(Asked, frozen=True, tag="resize"):
    """Give a terminal another size. Result: ``Done``."""

    container: str
    process: str  # empty: the container's first
    columns: int
    rows: int


class ProcessEnded(Said, frozen=True, tag="process-ended"):
    """A process of ``Execute`` ended; ``code`` None means unknown, and ``reason`` says why."""

    process: str
    code: int | None
    reason: str
    from_client: ClassVar[bool] = False
