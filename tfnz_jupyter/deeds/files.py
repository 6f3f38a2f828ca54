"""Files into containers and out of them, as a line asks for it."""

from __future__ import annotations

from pathlib import Path

from ..errors import NotFound
from ..sdk.container import Container
from .progress import Report


def put(container: Container, source: str, dest: str, report: Report) -> str:
    """Copy a file or folder of this machine into a container; what was done, in words.

    Raises:
        NotFound: there is no such file here.
    """
    path = Path(source).expanduser()
    if not path.exists():
        raise NotFound(f"there is no file {source}", hint=f"This folder is {Path.cwd()}.")
    container.put(dest, path, progress=report)
    place = f"{dest}{path.name}" if dest.endswith("/") and path.is_file() else dest
    return f"{source} is {place} in {container.name}."


def put_text(container: Container, dest: str, text: str) -> str:
    """Write a text as a file of a container; what was done, in words."""
    container.put(dest, text)
    lines = text.count("\n") + (not text.endswith("\n"))
    return f"{dest} in {container.name} has {lines:,} line{'s' * (lines != 1)}."


def get(container: Container, source: str, dest: str | None, report: Report) -> str:
    """Copy a file or folder out of a container; where it is now, in words."""
    place = Path(dest).expanduser() if dest else Path.cwd()
    here = container.fetch(source, to=place, progress=report)
    return f"{source} of {container.name} is {_shown(Path(here))}."


def _shown(path: Path) -> str:
    """Relative to this folder where it is below it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
