"""Opens an embedded engine, boots a container from a script, says what the next location has to know, and waits to be killed.

Usage: python -m tests.support.abandon FOLDER BLOBS SCRIPT
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import msgspec

from tests.support.bare_engine import Bench
from tfnz_jupyter.engines.base import ProcessSpec


async def main(folder: Path, blobs: Path, script: str) -> None:
    bench = Bench(folder, blobs=blobs)
    await bench.open()
    spec = bench.spec(script)
    booted = await bench.engine.boot(spec, bench.nodes[0].id)
    more = ProcessSpec("more", ("/bin/sh", "-c", "read line; echo more $line; exit 7"))
    await bench.engine.execute(spec.id, more)
    taken = await booted.process.read()
    os.write(1, msgspec.json.encode([spec, booted.ip, taken[1] if taken else b""]) + b"\n")
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
