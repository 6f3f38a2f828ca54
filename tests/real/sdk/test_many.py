"""Many containers at once: all answer, all go, and the location is as it was."""

import asyncio
from pathlib import Path

from tests.real.conftest import location_pid, nothing_more
from tests.support.eventually import eventually
from tfnz_jupyter import Container, Location

MANY = 200
SLACK = 32  # MiB: what an interpreter keeps of what it once needed


def memory() -> int:
    """Resident memory of the tests' location, in MiB."""
    lines = Path(f"/proc/{location_pid()}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) // 1024


async def said(containers: list[Container]) -> list[bytes]:
    """What each of them holds, once it serves."""
    await asyncio.gather(*(c.wait_tcp.aio(80) for c in containers))
    answers = (c.run_process.aio(["cat", "/number"]) for c in containers)
    return [output for output, _, _ in await asyncio.gather(*answers)]


async def destroyed(containers: list[Container]) -> None:
    await asyncio.gather(*(c.destroy.aio() for c in containers))


def test_two_hundred_containers_at_once_answer_and_leave_nothing(before):
    used = memory()
    with Location() as location:
        node = location.node()
        made = [
            node.spawn_container(
                "busybox",
                command="httpd -f -p 80",
                pre_boot_files={"/number": str(number)},
                memory=16 << 20,
            )
            for number in range(MANY)
        ]
        assert asyncio.run(said(made)) == [str(number).encode() for number in range(MANY)]
        eventually(lambda: node.stats.containers >= MANY, within=20)
        asyncio.run(destroyed(made))
    eventually(lambda: nothing_more(before), within=20)
    assert memory() < used + SLACK
