"""One location that serves others, for all tests here."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.support.served import Served, serving
from tfnz_jupyter import Location
from tfnz_jupyter.folders import config_folder
from tfnz_jupyter.keyring import Keyring

_numbers = count(1)


@pytest.fixture(scope="session")
def images(home: Path) -> Path:
    """A store that holds busybox."""
    with Location(location="embedded") as own:
        own.ensure_image_uploaded("busybox")
    return home / "state" / "images"


@pytest.fixture(scope="session")
def served(images: Path) -> Iterator[Served]:
    """It serves. Who joins it goes on meaning this machine's own location by ``Location()``."""
    Keyring(config_folder()).set_default("embedded")
    with serving(images) as location:
        yield location


@pytest.fixture
def name() -> str:
    """A name nobody has had."""
    return f"user{next(_numbers)}"
