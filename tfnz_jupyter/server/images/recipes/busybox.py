"""busybox: one static program under all the names it answers to."""

from __future__ import annotations

from .recipe import Recipe

BUSYBOX = Recipe(
    name="busybox",
    packages=("busybox-static",),
    versioned="busybox-static",
    config={
        "Cmd": ["sh"],
        "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
        "WorkingDir": "/",
    },
)
