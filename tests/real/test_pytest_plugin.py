"""The pytest plugin, as somebody else's test suite uses it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SUITE = """
def test_speaks(container):
    talker = container("busybox", command="echo words of mine; sleep 1000")
    assert talker.wait_log("words") == b"words of mine"
    print("ID", talker.uuid)

def test_next(location):
    assert all(one.dead for one in location.containers.values())

def test_fails(container):
    container("busybox", name="witness", command="seq 100; sleep 1000").wait_log("100")
    assert False

def test_fails_without(tmp_path):
    assert False
"""


@pytest.fixture(scope="module")
def run(home: Path, tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("suite")
    (folder / "test_it.py").write_text(SUITE)
    command = [sys.executable, "-m", "pytest", "-rA", "-p", "no:cacheprovider", "test_it.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


def test_a_container_is_spawned_for_a_test_and_destroyed_after_it(run: str):
    assert "PASSED test_it.py::test_speaks" in run
    assert "PASSED test_it.py::test_next" in run


def test_a_failing_test_shows_the_last_lines_of_its_container(run: str):
    failure = run.split("test_fails ___")[1].split("test_fails_without ___")[0]
    assert "Container witness (running)" in failure
    assert "\n100\n" in failure
    assert "\n60\n" not in failure


def test_a_failing_test_does_not_show_containers_of_others(run: str):
    assert "Container" not in run.split("test_fails_without ___")[1].split("PASSES")[0]
