"""skopeo, run to its end: it speaks with registries, their logins and their certificates."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

from ...errors import NotSupported

_POLICIES = (Path("/etc/containers/policy.json"), Path("~/.config/containers/policy.json"))


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended, and what it said."""

    code: int
    out: bytes
    err: str


async def skopeo(command: str, *argv: str) -> Outcome:
    """Run one of its commands. Who is cancelled leaves none running; it ends with this process, too.

    Raises:
        NotSupported: it is not installed.
    """
    if shutil.which("skopeo") is None:
        raise NotSupported(
            "images for a cluster need skopeo, which is not installed",
            hint="apt-get install skopeo",
        )
    bound = ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []
    trusting = [] if any(p.expanduser().exists() for p in _POLICIES) else ["--insecure-policy"]
    process = await asyncio.create_subprocess_exec(
        *bound, "skopeo", *trusting, command, *argv,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    try:
        out, err = await process.communicate()
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await asyncio.shield(process.wait())
    return Outcome(process.returncode or 0, out, err.decode("utf-8", "replace").strip())
