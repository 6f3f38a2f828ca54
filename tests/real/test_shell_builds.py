"""``tfnz build`` and ``tfnz image rm``: a line that moves on a terminal, plain lines where a program reads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.dockerfiles import folder

TFNZ = [sys.executable, "-m", "tfnz_jupyter.cli"]


@pytest.fixture
def context(home: Path, tmp_path: Path) -> Path:
    return folder(
        tmp_path, Dockerfile="FROM busybox\nCOPY note /note\nRUN cat /note\n", note="hello\n"
    )


def tfnz(context: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command in that folder."""
    return subprocess.run(
        [*TFNZ, *arguments], cwd=context, capture_output=True, text=True, timeout=120, check=False
    )


def test_a_folder_with_a_dockerfile_is_built(context: Path):
    done = tfnz(context, "build", "shelled", "--no-cache")
    assert done.returncode == 0, done.stderr
    assert "[3/3] RUN cat /note\nhello\nshelled is built, in " in done.stdout
    assert "shelled: sending the context\n" in done.stderr
    assert "\r" not in done.stderr
    assert tfnz(context, "spawn", "shelled", "cat", "/note").stdout == "hello\n"
    assert "shelled is forgotten" in tfnz(context, "image", "rm", "shelled").stdout


def test_another_file_can_be_the_dockerfile_and_its_failure_is_ours(context: Path):
    folder(context, other="FROM busybox\nRUN exit 9\n")
    done = tfnz(context, "build", "failed", "-f", "other")
    assert done.returncode == 1
    assert "tfnz: Dockerfile line 2: RUN exit 9: the command returned 9" in done.stderr


def test_on_a_terminal_one_line_moves_and_goes(context: Path):
    folder(context, Dockerfile="FROM busybox\nRUN sleep 1\n")  # long enough to be told
    command = " ".join([*TFNZ, "build", "drawn", "--no-cache"])
    done = subprocess.run(
        ["script", "-qec", command, "/dev/null"],
        cwd=context,
        capture_output=True,
        timeout=120,
        check=True,
    )
    assert b"%  drawn: building  RUN sleep 1" in done.stdout
    assert b"drawn is built, in " in done.stdout.splitlines()[-1].rpartition(b"\r")[2]
