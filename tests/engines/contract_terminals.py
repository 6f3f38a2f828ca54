"""Processes on a terminal: what it is to them, its size, its keys."""

from __future__ import annotations

import pytest

from tests.support.bench import Bench, outputs, read_until
from tfnz_jupyter.engines.base import Exit, Mark, Terminal
from tfnz_jupyter.errors import UsageError


class Terminals:
    """Of a container's first process, and of more in it."""

    async def test_a_container_on_a_terminal_has_one_of_that_size(self, bench: Bench):
        with bench.asked("terminal"):
            _, process = await bench.boot("tty; stty size; echo $TERM", terminal=Terminal(111, 33))
            out, err = await outputs(process)
            assert (out.split(), err) == (["/dev/pts/0", "33", "111", "xterm-256color"], "")
            assert await process.wait() == Exit(code=0)

    async def test_a_process_on_a_terminal_has_one_of_its_own(self, bench: Bench):
        name, _ = await bench.boot("sleep 1000")
        with bench.asked("terminal"):
            script = "read x; tty; stty size; exit 3"
            process = await bench.execute(name, script, terminal=Terminal(90, 20))
            await process.write(b"\n")
            assert (await outputs(process))[0].split() == ["/dev/pts/0", "20", "90"]
            assert await process.wait() == Exit(code=3)

    async def test_both_outputs_are_one(self, bench: Bench):
        name, _ = await bench.boot("sleep 1000")
        with bench.asked("terminal"):
            process = await bench.execute(name, "echo out; echo err >&2", terminal=Terminal())
            found = b""
            while (chunk := await process.read()) is not None:
                assert chunk[0] is Mark.OUT
                found += chunk[1]
            assert found == b"out\r\nerr\r\n"

    async def test_a_terminal_echoes_and_its_keys_are_signals(self, bench: Bench):
        with bench.asked("terminal"):
            _, process = await bench.boot(
                "trap 'echo interrupted; exit 4' INT; echo up; while :; do read x; echo got $x; done",
                terminal=Terminal(),
            )
            await read_until(process, b"up")
            await process.write(b"word\n")
            await read_until(process, b"word\r\ngot word\r\n")
            await process.write(b"\x03")
            await read_until(process, b"interrupted")
            assert await process.wait() == Exit(code=4)

    @pytest.mark.parametrize("typed", [b"", b"line\n", b"unfinished"])
    async def test_the_end_of_input_is_what_ctrl_d_is(self, bench: Bench, typed: bytes):
        name, _ = await bench.boot("sleep 1000")
        with bench.asked("terminal"):
            process = await bench.execute(name, argv=["cat"], terminal=Terminal())
            if typed:
                await process.write(typed)
                await read_until(process, typed.strip())
            await process.write_eof()
            await outputs(process)
            assert await process.wait() == Exit(code=0)
            await process.write_eof()

    async def test_another_size_is_told_to_the_process(self, bench: Bench):
        name, _ = await bench.boot("sleep 1000")
        with bench.asked("terminal"):
            script = "trap 'stty size' WINCH; echo up; while :; do sleep 0.02; done"
            process = await bench.execute(name, script, terminal=Terminal(80, 24))
            await read_until(process, b"up")
            await process.resize(132, 43)
            await read_until(process, b"43 132")
            await process.signal(9)
            await process.wait()
            await process.resize(80, 24)

    async def test_a_process_without_a_terminal_has_no_size(self, bench: Bench):
        _, process = await bench.boot("sleep 1000")
        with pytest.raises(UsageError, match="no terminal"):
            await process.resize(80, 24)

    async def test_a_user_may_open_its_terminal_anew(self, bench: Bench):
        name, _ = await bench.boot("sleep 1000", user="alice")
        with bench.asked("terminal"):
            script = "echo again >$(tty); echo this >/dev/tty"
            process = await bench.execute(name, script, terminal=Terminal())
            assert (await outputs(process))[0].split() == ["again", "this"]

    async def test_so_may_another_user(self, bench: Bench):
        name, _ = await bench.boot("sleep 1000")
        with bench.asked("terminal"):
            script = "read x; echo again >$(tty)"
            process = await bench.execute(name, script, user="alice", terminal=Terminal())
            await process.write(b"\n")
            assert (await outputs(process))[0].split() == ["again"]

    async def test_a_flood_on_a_terminal_waits_for_its_reader(self, bench: Bench):
        name, _ = await bench.boot("sleep 1000")
        with bench.asked("terminal"):
            script = "yes | head -n 100000; echo over"
            process = await bench.execute(name, script, terminal=Terminal())
            out, _ = await outputs(process)
            assert (out.count("y\r\n"), out[-6:]) == (100_000, "over\r\n")

    async def test_a_command_that_is_not_there_is_named(self, bench: Bench):
        with bench.asked("terminal"):
            name, _ = await bench.boot("sleep 1000", terminal=Terminal())
            with pytest.raises(Exception, match="no such command 'nowhere'"):
                await bench.execute(name, argv=["nowhere"], terminal=Terminal())
