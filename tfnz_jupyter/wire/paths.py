"""Folders that contain each other."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable


def normal(path: str) -> str:
    """An absolute path without doubled, trailing or backward steps."""
    return posixpath.normpath("/" + path.lstrip("/"))


def trees_intersect(
    current: str | Iterable[str], proposed: str | Iterable[str]
) -> tuple[str, str] | None:
    """(inner, outer), normal, of the first two where one is or contains the other; None where none does."""
    for one in _each(current):
        for other in _each(proposed):
            if _is_below(one, other):
                return one, other
            if _is_below(other, one):
                return other, one
    return None


def _each(paths: str | Iterable[str]) -> list[str]:
    return [normal(path) for path in ([paths] if isinstance(paths, str) else paths)]


def _is_below(path: str, top: str) -> bool:
    return path == top or path.startswith(top.rstrip("/") + "/")
