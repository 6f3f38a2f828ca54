"""Opens an engine, boots a container from a script, says what the next location has to know, and waits to be killed.

It is the embedded engine, or, where a namespace is named, a cluster's.

Usage: python -m tests.support.abandon FOLDER BLOBS SCRIPT [NAMESPACE DEADLINE]
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import msgspec

from tests.support import bare_engine
from tests.support.bench import Bench
from tfnz_jupyter.engines.base import ProcessSpec


async def main(bench: Bench, script: str) -> None:
    await bench.open()
    spec = bench.spec(script)
    booted = await bench.engine.boot(spec, bench.nodes[0].id)
    more = ProcessSpec("more", ("/bin/sh", "-c", "read line; echo more $line; exit 7"))
    await bench.engine.execute(spec.id, more)
    taken = await booted.process.read()
    await bench.said(spec.id, "true")  # after which it is known there that this was read
    os.write(1, msgspec.json.encode([spec, booted.ip, taken[1] if taken else b""]) + b"\n")
    await asyncio.Event().wait()


async def made(folder: Path, blobs: Path, namespace: str = "", deadline: str = "") -> Bench:
    if not namespace:
        return bare_engine.Bench(folder, blobs=blobs)
    from tests.support import kubernetes_bench as cluster

    return cluster.Bench(folder, await cluster.found(namespace), deadline=float(deadline))


async def begin(folder: str, blobs: str, script: str, *where: str) -> None:
    await main(await made(Path(folder), Path(blobs), *where), script)


if __name__ == "__main__":
    asyncio.run(begin(*sys.argv[1:]))
