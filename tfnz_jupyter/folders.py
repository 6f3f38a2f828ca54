"""Where things lie on disk: one home for keys, one for images and containers, one for sockets.

All are private to the user (0700). ``TFNZ_HOME`` moves all three below one folder, so that several locations can live
beside each other (tests do that).
"""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from .errors import Refused, UsageError

_APP = "tfnz_jupyter"
_LONGEST_SOCKET_PATH = 100  # sun_path holds 108 bytes, and libzmq adds nothing to it


def config_folder() -> Path:
    """Keys and the user's defaults."""
    return _private(_below_home("config") or platformdirs.user_config_path(_APP, appauthor=False))


def state_folder(place: str = "") -> Path:
    """Images and the writable parts of containers; grows with them. A ``place`` is a folder of its own below."""
    base = _below_home("state") or platformdirs.user_data_path(_APP, appauthor=False)
    return _below(_private(base), place)


def runtime_folder(place: str = "") -> Path:
    """Sockets, locks and the log of a running location. A ``place`` is a folder of its own below.

    Raises:
        UsageError: the path is too long for a unix socket.
    """
    folder = _below(_private(_below_home("run") or _user_runtime()), place)
    if len(os.fsencode(folder)) > _LONGEST_SOCKET_PATH - len("/location.sock"):
        raise UsageError(
            f"{folder} is too long a path for a unix socket",
            hint="Set TFNZ_HOME to a folder with a shorter path.",
        )
    return folder


def _below_home(name: str) -> Path | None:
    home = os.environ.get("TFNZ_HOME")
    return Path(home).absolute() / name if home else None


def _below(base: Path, place: str) -> Path:
    return _private(base / place) if place else base


def _user_runtime() -> Path:
    given, user = os.environ.get("XDG_RUNTIME_DIR"), user_id()
    if given and os.path.isdir(given) and os.stat(given).st_uid == os.getuid():
        return Path(given) / _APP
    return Path("/run" if user == 0 else "/tmp") / f"{_APP}-{user}"


def user_id() -> int:
    """Who we are where this user's programs are, whose location may be root of a user namespace."""
    user = os.getuid()
    with open("/proc/self/uid_map") as spans:
        for inside, outside, count in (map(int, line.split()) for line in spans):
            if inside <= user < inside + count:
                return outside + user - inside
    return user


def _private(folder: Path) -> Path:
    """The folder, made if need be; never one that somebody else could have put there."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError as problem:
        raise UsageError(
            f"{folder} cannot be made: {problem.strerror}",
            hint="Set TFNZ_HOME to a folder of your own that can be written.",
        ) from problem
    if found.st_uid != os.getuid():
        raise Refused(
            f"{folder} belongs to user {found.st_uid}, not to you",
            hint="Remove it, or set TFNZ_HOME to a folder of your own.",
        )
    if found.st_mode & 0o077:
        folder.chmod(0o700)
    return folder
