"""A kernel for a module's tests; each uses container names of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import kernel as kernels


@pytest.fixture(scope="module")
def kernel(home: Path) -> Iterator[kernels.Kernel]:
    with kernels.kernel() as fresh:
        yield fresh
