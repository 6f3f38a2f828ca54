"""One location, one Chromium, and one server of each front end for all browser tests."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.conftest import home  # noqa: F401  # a fixture
from tests.support import lab as labs


@pytest.fixture(scope="session")
def browser() -> Iterator[labs.Browser]:
    with labs.chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def lab(home: Path, browser: labs.Browser) -> Iterator[labs.Lab]:  # noqa: F811  # the fixture
    with (
        tempfile.TemporaryDirectory(prefix="tfnz-lab-") as folder,
        labs.server(Path(folder)) as url,
    ):
        yield labs.Lab(url, Path(folder), browser)


@pytest.fixture(scope="session")
def notebook7(home: Path, browser: labs.Browser) -> Iterator[labs.Lab]:  # noqa: F811  # the fixture
    with (
        tempfile.TemporaryDirectory(prefix="tfnz-nb-") as folder,
        labs.server(Path(folder), "notebook") as url,
    ):
        yield labs.Lab(url, Path(folder), browser, "notebook")
