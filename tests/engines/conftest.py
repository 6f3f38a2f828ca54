"""What tests of locations on Docker share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import docker_bench
from tests.support.docker_bench import Dockerd


@pytest.fixture(scope="module")
def docker() -> Iterator[Dockerd]:
    """It has an image of its user's, ``mine:1``."""
    with docker_bench.apart(), docker_bench.dockerd() as started:
        started.give("mine:1")
        yield started


@pytest.fixture(scope="module")
def home(docker: Dockerd) -> Iterator[dict[str, str]]:
    """The environment of programs that have a location on it, one for all."""
    with docker_bench.home(docker) as environment:
        yield environment
