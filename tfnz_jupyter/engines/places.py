"""Where in a container its files and volumes may be put, whatever engine runs it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import UsageError

#: Fresh filesystems are mounted here at boot: a file written before would never be seen.
COVERED = ("/proc", "/sys", "/dev")


def check_file(path: str, mounts: Sequence[str] = ()) -> str:
    """The path of a pre-boot file as it will be written.

    Args:
        mounts: where volumes will be.

    Raises:
        UsageError: it is not absolute, has ``..`` or NUL in it, names a folder, or would be hidden by a mount.
    """
    reason = ""
    parts = path.split("/")
    clean = "/" + "/".join(part for part in parts if part not in ("", "."))
    if not path.startswith("/"):
        reason = "must be absolute"
    elif "\0" in path:
        reason = "has a NUL in it"
    elif ".." in parts:
        reason = "has '..' in it"
    elif parts[-1] in ("", "."):
        reason = "names a folder, not a file"
    elif _below(clean, COVERED):
        reason = "would not be seen: the container gets a fresh /proc, /sys and /dev"
    elif _below(clean, mounts):
        reason = "would not be seen: a volume is mounted over it"
    if reason:
        raise UsageError(f"pre-boot file {path!r}: the path {reason}")
    return clean


def check_volume(place: str) -> None:
    """Raises ``UsageError`` for a path where no volume can be mounted."""
    parts = place.split("/")[1:]
    if not place.startswith("/") or "\0" in place or any(p in ("", ".", "..") for p in parts):
        raise UsageError(f"volumes: {place!r} is not the plain absolute path of a folder")
    if _below(place, COVERED):
        raise UsageError(f"volumes: {place!r} is where the container gets a fresh filesystem")


def _below(path: str, tops: Sequence[str]) -> bool:
    return any(path == top or path.startswith(f"{top}/") for top in tops)
