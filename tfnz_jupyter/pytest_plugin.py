"""Fixtures for tests that need real containers; pytest finds them by itself where this package is installed.

``location`` is one session for the whole run. ``container`` spawns what one test needs and destroys it at the test's end.
When a test fails, its report ends with the last lines of the containers that were there.

    def test_a_page(container):
        web = container("nginx", pre_boot_files={"/var/www/html/index.html": "hello"})
        tunnel = web.wait_http_200()
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from . import Container, Location

_LAST = 40  # lines of a container that a failing test shows
_STARTED = pytest.StashKey["Location"]()


class Spawn(Protocol):
    """What the fixture ``container`` is."""

    def __call__(self, image: str, **options: Any) -> Container: ...


@pytest.fixture(scope="session")
def location(request: pytest.FixtureRequest) -> Iterator[Location]:
    """One session with a location for all tests: ``TFNZ_LOCATION``, or the one on this machine. It takes all with it."""
    from . import Location  # late: a run without containers pays nothing

    with Location() as session:
        request.config.stash[_STARTED] = session
        yield session


@pytest.fixture
def container(location: Location) -> Iterator[Spawn]:
    """Spawns containers for one test: ``container(image, **options)``, options as for ``Node.spawn_container``.

    Each is there at once, and using it waits; all are destroyed when the test is over.
    """
    made: list[Container] = []

    def spawn(image: str, **options: Any) -> Container:
        made.append(location.node().spawn_container(image, **options))
        return made[-1]

    yield spawn
    for one in reversed(made):
        if not one.dead:
            one.destroy()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failing test shows what its containers said last."""
    report = yield
    session = item.config.stash.get(_STARTED, None)
    if report.failed and session is not None:
        for one in list(session.containers.values()):
            if one.ended_at is None or one.ended_at >= call.start:
                report.sections.append(
                    (f"Container {one.name} ({one.reason or one.state})", _said(one))
                )
    return report


def _said(container: Container) -> str:
    return container.logs(tail=_LAST).decode("utf-8", "replace") or "It printed nothing."
