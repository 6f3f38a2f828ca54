"""python: Debian's Python 3 with pip, under the names ``python`` and ``python3``.

Debian's mark that forbids pip to install beside packages is left out: in a container there is nothing to protect.
"""

from __future__ import annotations

from .recipe import Recipe, link

PYTHON = Recipe(
    name="python",
    packages=(
        "python3",
        "python3-pip",
        "ca-certificates",
        "libc-bin",
        "ncurses-base",
        "busybox-static",
    ),
    versioned="python3",
    assumed=("debconf", "openssl"),
    excluded=(
        "usr/lib/python3*/EXTERNALLY-MANAGED",
        "usr/share/icons/*",
        "usr/share/applications/*",
    ),
    files=(link("usr/bin/python", "python3"),),
    config={
        "Cmd": ["python3"],
        "Env": [
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG=C.UTF-8",
        ],
        "WorkingDir": "/",
    },
)
