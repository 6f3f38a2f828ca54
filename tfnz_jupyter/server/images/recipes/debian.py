"""debian: a real base with apt and bash, made by mmdebstrap (about half a minute)."""

from __future__ import annotations

from .recipe import Recipe

DEBIAN = Recipe(
    name="debian",
    packages=("base-files", "bash", "apt", "ca-certificates"),
    versioned="base-files",
    small=False,
    config={
        "Cmd": ["bash"],
        "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
        "WorkingDir": "/",
    },
)
