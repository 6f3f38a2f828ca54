"""Programs of the location's own: they reach containers, and have no other rights."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

from tests.support.bench import Bench, read_until
from tfnz_jupyter.engines.base import Running

REACH = "import socket; print(socket.create_connection(('{ip}', 80), 20).recv(9).decode())"


async def output(running: Running) -> bytes:
    found = b""
    while (chunk := await running.read()) is not None:
        found += chunk[1]
    return found


class Beside:
    """What runs beside the containers."""

    async def test_it_reaches_a_container_that_has_let_nobody_in(
        self, bench: Bench, tmp_path: Path
    ) -> None:
        script = "while :; do echo hello | nc -l -p 80; done & echo up; wait"
        _, booted = await bench.booted(script)
        await read_until(booted.process, b"up")
        program = ("/usr/bin/python3", "-c", REACH.format(ip=booted.ip))
        assert await output(await bench.engine.beside(program, tmp_path)) == b"hello\n\n"

    async def test_it_works_in_its_folder_as_nobody_of_this_machine(
        self, bench: Bench, tmp_path: Path
    ) -> None:
        script = (
            "exec 2>&1; pwd; id -u; grep CapBnd /proc/self/status; touch mine; touch /root/theirs"
        )
        running = await bench.engine.beside(("/bin/sh", "-c", script), tmp_path)
        said = (await output(running)).decode().splitlines()
        assert said[0] == str(tmp_path)
        assert said[1] != "0"
        assert said[2].split() == ["CapBnd:", "0" * 16]
        assert "denied" in said[3]
        assert (tmp_path / "mine").exists()

    async def test_it_is_fed_signalled_and_its_end_is_told(
        self, bench: Bench, tmp_path: Path
    ) -> None:
        running = await bench.engine.beside(("/bin/cat",), tmp_path)
        await running.write(b"through")
        await running.write_eof()
        assert (await output(running), (await running.wait()).code) == (b"through", 0)
        asleep = await bench.engine.beside(("/bin/sleep", "3600"), tmp_path)
        await asleep.signal(signal.SIGKILL)
        assert (await asyncio.wait_for(asleep.wait(), 20)).signal == signal.SIGKILL
