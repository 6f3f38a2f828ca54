"""``tfnz``, the shell's way in. Only here is anything printed."""

from __future__ import annotations

from .main import main

__all__ = ["main"]
