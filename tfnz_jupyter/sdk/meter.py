"""How far bytes of this program are, told at a pace somebody can follow."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..wire.messages import Progressed

_EVERY = 0.1  # seconds between two


class Meter:
    """Counts, and tells at once at the beginning and the end, and now and then in between.

    Args:
        total: bytes in all; None where nobody knows.
    """

    def __init__(
        self, report: Callable[[Progressed], object], step: str, text: str, total: int | None
    ) -> None:
        self._report, self._step, self._text, self._total = report, step, text, total
        self._done, self._told = 0, time.monotonic()
        self._tell()

    def add(self, size: int) -> None:
        """So many bytes more; what is sent around them counts, but never for more than all."""
        self._done += size
        if self._total is not None:
            self._done = min(self._done, self._total)
        if time.monotonic() - self._told >= _EVERY:
            self._tell()

    def finish(self) -> None:
        """All is done."""
        self._done = self._done if self._total is None else self._total
        self._tell()

    def _tell(self) -> None:
        self._told = time.monotonic()
        self._report(Progressed(0, self._step, self._text, self._done, self._total))
