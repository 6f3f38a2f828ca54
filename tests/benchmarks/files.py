"""Files put into a running container and fetched from it: 1 KB, and 10 MB."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterable

from tests.benchmarks._docker import dockerd
from tests.benchmarks._measuring import OURS, Row, Target, alone, in_turns, timed
from tfnz_jupyter import Location

PEER = "Docker API"
#: What -> (bytes, rounds, our share of Docker's time).
SIZES = {"1 KB": (1000, 20, 1 / 10), "10 MB": (10_000_000, 8, 1 / 4)}


def main() -> None:
    alone(measure)


def measure() -> Iterable[Row]:
    api = dockerd().api
    with Location() as location:
        container = location.node().spawn_container("busybox", command=["sleep", "1000"])
        container.wait_until_ready()
        name = dockerd().start(["sleep", "1000"])
        for what, (size, rounds, share) in SIZES.items():
            content = os.urandom(size)
            packed = archive(content)
            for verb, ways in {
                "put": {
                    OURS: lambda content=content: timed(lambda: container.put("/tmp/f", content)),
                    PEER: lambda packed=packed: timed(
                        lambda: api.put_archive(name, "/tmp", packed)
                    ),
                },
                "get": {
                    OURS: lambda: timed(lambda: container.fetch("/tmp/f")),
                    PEER: lambda: timed(lambda: fetched(name)),
                },
            }.items():
                samples = in_turns(ways, rounds, rest=0.1, warm_up=2)
                yield Row(f"{verb} of {what}", "ms", samples, (Target(share, PEER),))
        dockerd().remove(name)


def archive(content: bytes) -> bytes:
    """What Docker takes: a tar."""
    tree = io.BytesIO()
    with tarfile.open(fileobj=tree, mode="w") as tar:
        entry = tarfile.TarInfo("f")
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return tree.getvalue()


def fetched(name: str) -> bytes:
    """The content again, out of the tar that Docker gives."""
    pieces, _stat = dockerd().api.get_archive(name, "/tmp/f")
    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as tar:
        file = tar.extractfile("f")
        assert file is not None
        return file.read()


if __name__ == "__main__":
    main()
