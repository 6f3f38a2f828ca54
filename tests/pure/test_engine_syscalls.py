"""Paths that are opened as if a folder were the root."""

import os
import subprocess
import sys

import pytest

from tfnz_jupyter.engines.embedded.syscalls import open_in_root

RENAMES = (
    "import os\nprint(flush=True)\nwhile True: os.rename('one', 'other'); os.rename('other', 'one')"
)


@pytest.fixture
def renaming(tmp_path):
    """A folder in which something is given other names all the time."""
    (tmp_path / "one").mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", RENAMES], cwd=tmp_path, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield tmp_path
        process.kill()


def test_a_path_up_and_down_is_found_whatever_is_renamed_meanwhile(renaming):
    (renaming / "a").mkdir()
    root = os.open(renaming, os.O_PATH)
    for _ in range(50_000):
        os.close(open_in_root(root, "/a/../a/../a/../a", os.O_PATH))
    os.close(root)
