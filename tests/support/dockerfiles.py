"""Building in tests: what a build said, beside what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfnz_jupyter import Location

#: At the end of a line of a step that was not done again.
BEFORE = "(made before)"


def built(location: Location, dockerfile: str, tag: str = "app", **options: Any) -> str:
    """Build an image; all that was said meanwhile."""
    said = bytearray()
    location.build_image(tag, dockerfile, log=said.extend, **options)
    return said.decode()


def output(location: Location, image: str, command: Any = None, **options: Any) -> str:
    """What a container of an image prints, to its end."""
    container = location.node().spawn_container(image, command=command, **options)
    container.wait_exit(timeout=60)
    return container.logs().decode()


def folder(place: Path, **files: str) -> Path:
    """A folder with these files; two underscores in a name are a slash."""
    for name, content in files.items():
        path = place / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return place
