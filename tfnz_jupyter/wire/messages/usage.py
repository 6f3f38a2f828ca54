"""What containers use, told about once a second."""

from __future__ import annotations

from typing import ClassVar

from .base import Said


class UsageChanged(Said, frozen=True, tag="usage-changed"):
    """Of each container whose numbers are others than last told: thousandths of a core, bytes, processes."""

    used: list[tuple[str, int, int, int]]
    from_client: ClassVar[bool] = False
