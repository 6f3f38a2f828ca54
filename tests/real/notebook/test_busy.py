"""Other cells run while an image is being built and a container boots."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import kernel as kernels


@pytest.fixture
def without_images(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A location of this test's own, that has no image yet."""
    folder = Path(tempfile.mkdtemp(prefix="tfnz-", dir="/tmp"))
    monkeypatch.setenv("TFNZ_HOME", str(folder))
    yield
    for found in folder.rglob("location.json"):
        os.kill(json.loads(found.read_text())["pid"], signal.SIGTERM)
    shutil.rmtree(folder, ignore_errors=True)


def test_cells_run_while_the_image_is_still_being_built(without_images):
    with kernels.kernel() as kernel:
        kernel.ok("%tf connect")
        kernel.ok("%tf spawn nginx --name web")
        assert kernel.ok("print(web.state, 6 * 7)").text == "preparing 42\n"
        kernel.ok("web.wait_http_200()")
        assert kernel.ok("print(web.state)").text == "running\n"
