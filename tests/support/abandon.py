"""Locations that are killed, and the next ones: an engine in a process that is killed, another that takes over.

As a program it opens an engine, boots a container from a script, says what the next location has to know, and waits to be
killed. It is the embedded engine, or, where a namespace is named, a cluster's.

Usage: python -m tests.support.abandon FOLDER BLOBS SCRIPT [NAMESPACE DEADLINE]
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from tests.support import bare_engine
from tests.support.bench import Bench
from tfnz_jupyter.engines.base import ContainerSpec, ProcessSpec, Survivor

ROOT = Path(__file__).parents[2]
SCRIPT = "echo begun; while read line; do echo got $line; [ $line = end ] && exit 3; done"


async def abandoned(
    folder: Path, script: str = SCRIPT, where: Sequence[str] = ()
) -> tuple[ContainerSpec, str, bytes]:
    """Boot a container in a process that is then killed: what it was made from, its address, what was read of it."""
    words = [folder, bare_engine.store(), script, *where]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.abandon", *words,
        stdout=asyncio.subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), 100)
    process.kill()
    await process.wait()
    return msgspec.json.decode(line, type=tuple[ContainerSpec, str, bytes])


@asynccontextmanager
async def taking_over(
    bench: Bench, known: Sequence[ContainerSpec]
) -> AsyncIterator[dict[str, Survivor]]:
    """The next location's bench is open: what survived for it. Closed at the end."""
    try:
        yield await bench.engine.open(bench.on_nodes, {spec.id: spec for spec in known})
    finally:
        await bench.engine.close()


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
