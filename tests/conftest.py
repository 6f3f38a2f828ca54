"""What all tiers share: a tier that this machine cannot run is skipped with the reason and what mends it.

In CI a skip is a failure (``.ci/run`` counts them), so nothing goes untested in silence.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.tasks import waiting
from tfnz_jupyter.doctor import examine

TESTS = Path(__file__).parent
ON_CONTAINERS = ("real", "engines", "faults", "browser")
#: What a test that is marked ``cluster`` finds its cluster by.
CLUSTER = {"KUBECONFIG", "TFNZ_TEST_REGISTRY"}
NO_CLUSTER = "no cluster; export KUBECONFIG=... and TFNZ_TEST_REGISTRY=HOST:PORT, an http registry that its nodes pull from"
#: And one that has to stop its nodes.
TOOL = "TFNZ_TEST_CLUSTER"
NO_TOOL = f"nodes cannot be stopped; export {TOOL}=PROGRAM, which does so by: PROGRAM stop NODE, PROGRAM start NODE"
#: Programs of ours print as they do for users, whatever the developer's shell says.
os.environ.pop("PYTHONUNBUFFERED", None)
#: Seconds that may pass before each part of what tidies up after a test that has failed is given up.
AFTERWARDS = 60
_failed = pytest.StashKey[bool]()
BROWSERS = ("chromium", "chromium-browser", "google-chrome")

settings.register_profile("unhurried", deadline=None)  # that the machine is busy is nobody's bug
settings.load_profile("unhurried")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what cannot run here; the machine is looked at only if a test needs it.

    Browser tests come last: Playwright keeps an event loop running on the main thread, beside which no asyncio test can.
    """
    items.sort(key=lambda item: _tier(item) == "browser")
    tiers = {item: tier for item in items if (tier := _tier(item)) in ON_CONTAINERS}
    lacking = _lacking_for_containers() if tiers else ""
    browser = any(shutil.which(name) for name in BROWSERS)
    for item, tier in tiers.items():
        if lacking:
            item.add_marker(pytest.mark.skip(reason=lacking))
        elif item.get_closest_marker("cluster") and not os.environ.keys() >= CLUSTER:
            item.add_marker(pytest.mark.skip(reason=NO_CLUSTER))
        elif item.get_closest_marker("cluster_tool") and TOOL not in os.environ:
            item.add_marker(pytest.mark.skip(reason=NO_TOOL))
        elif tier == "browser" and not browser:
            item.add_marker(pytest.mark.skip(reason="no Chromium; apt-get install chromium"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that did not end says where it waited."""
    report = yield
    item.stash[_failed] = item.stash.get(_failed, False) or report.failed
    if report.failed and call.excinfo is not None and "Timeout" in repr(call.excinfo.value):
        report.sections.append(("waiting tasks", waiting()))
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None]:
    """pytest-timeout lets go of a test as soon as it has failed: what comes after it must end too."""
    if item.stash.get(_failed, False):
        with _ending_within(AFTERWARDS):
            return (yield)
    return (yield)


@contextmanager
def _ending_within(seconds: int) -> Iterator[None]:
    def ring(_number: int, _frame: object) -> None:
        pytest.fail(
            f"Timeout: what comes after a failed test took more than {seconds} s\n{waiting()}"
        )

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, seconds)  # each fixture's end may hang
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _tier(item: pytest.Item) -> str:
    """The folder of tests/ that the test is in."""
    return item.path.relative_to(TESTS).parts[0] if item.path.is_relative_to(TESTS) else ""


def _lacking_for_containers() -> str:
    missing = [check for check in examine().checks if check.state == "missing"]
    return "; ".join(f"{check.name}: {check.why}; {check.mend}" for check in missing)
