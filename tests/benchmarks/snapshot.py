"""A snapshot of a volume of 1 GB, through ``Volume.snapshot``, beside a copy of the same bytes on the same disk."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.benchmarks._measuring import OURS, Row, Target, alone, in_turns, timed
from tfnz_jupyter import Location

ROUNDS = 5
SIZE = 1_000_000_000
PEER = "cp -a"


def main() -> None:
    alone(measure)


def measure() -> Iterable[Row]:
    with Location() as location, tempfile.TemporaryDirectory() as folder:
        volume = location.create_volume()
        write = f"head -c {SIZE} /dev/urandom > /v/f; sync"
        container = location.node().spawn_container(
            "busybox", command=write, volumes=[(volume, "/v")]
        )
        container.wait_exit()
        source, copy = Path(folder, "source"), Path(folder, "copy")
        source.mkdir()
        subprocess.run(["sh", "-c", f"head -c {SIZE} /dev/urandom > {source}/f"], check=True)

        def peer() -> float:
            took = timed(lambda: subprocess.run(["cp", "-aT", source, copy], check=True))
            shutil.rmtree(copy)
            return took

        samples = in_turns({OURS: lambda: timed(volume.snapshot), PEER: peer}, ROUNDS)
        lacking = [why for why in location.degraded if "snapshot" in why]
        location.destroy_volume(volume)
    targets = () if lacking else (Target(15),)
    yield Row("snapshot of a volume of 1 GB", "ms", samples, targets, " ".join(lacking))


if __name__ == "__main__":
    main()
