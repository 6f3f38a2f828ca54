"""Processes: what they print, get, and how they end."""

from __future__ import annotations

import asyncio
import signal

import pytest

from tests.support.bench import Bench, outputs, read_until
from tfnz_jupyter.engines.base import Exit, Limits, Mark
from tfnz_jupyter.errors import ContainerEnded, Ended, EngineFailed, UsageError


class Processes:
    """Of a container's first process, and of more in it."""

    async def test_both_outputs_arrive_marked(self, bench: Bench):
        out, err, how = await bench.run("echo out; echo err >&2")
        assert (out, err, how) == ("out\n", "err\n", Exit(code=0))

    @pytest.mark.parametrize("code", [0, 1, 3, 127, 255])
    async def test_the_exit_code_is_the_true_one(self, bench: Bench, code: int):
        *_, how = await bench.run(f"exit {code}")
        assert how == Exit(code=code)

    async def test_a_signal_that_ends_a_container_is_told_as_such(self, bench: Bench):
        _, process = await bench.boot("echo up; exec sleep 100")
        await read_until(process, b"up")
        await process.signal(signal.SIGKILL)
        assert await process.wait() == Exit(signal=signal.SIGKILL)
        assert (await process.wait()).returncode == 137

    async def test_a_signal_reaches_the_handler_of_the_first_process(self, bench: Bench):
        _, process = await bench.boot(
            "trap 'echo caught; exit 5' USR1; echo up; while :; do sleep 0.05; done"
        )
        await read_until(process, b"up")
        await process.signal(signal.SIGUSR1)
        await read_until(process, b"caught")
        assert await process.wait() == Exit(code=5)

    async def test_environment_folder_and_user_are_as_asked(self, bench: Bench):
        out, *_ = await bench.run(
            "echo $COLOUR; pwd; id; echo $HOME", env=(("COLOUR", "red"),), cwd="/tmp", user="alice"
        )
        assert out.splitlines() == [
            "red",
            "/tmp",
            "uid=1000(alice) gid=1000(alice) groups=1000(alice),2000(friends)",
            "/home/alice",
        ]

    async def test_a_number_that_is_no_account_can_be_a_user(self, bench: Bench):
        out, *_ = await bench.run("id -u; id -g", user="4000:5000")
        assert out.split() == ["4000", "5000"]

    async def test_an_unknown_user_is_refused_by_name(self, bench: Bench):
        with pytest.raises(UsageError, match="'nobody-here'"):
            await bench.boot("true", user="nobody-here")

    async def test_a_missing_command_is_named(self, bench: Bench):
        with pytest.raises(EngineFailed, match="no such command 'foo' in image tiny"):
            await bench.boot(argv=["foo"])

    @pytest.mark.parametrize(
        ("command", "reason"),
        [("garbage", "no program"), ("orphan", "interpreter"), ("/tmp", "may not be executed")],
    )
    async def test_what_cannot_be_executed_fails_the_boot(
        self, bench: Bench, command: str, reason: str
    ):
        with pytest.raises(EngineFailed, match=reason):
            await bench.boot(argv=[command])

    async def test_standard_input_arrives_and_ends(self, bench: Bench):
        _, process = await bench.boot("cat; echo over")
        await process.write(b"one\n")
        await read_until(process, b"one\n")
        await process.write_eof()
        await process.write_eof()
        assert (await outputs(process))[0] == "over\n"

    async def test_megabytes_of_input_come_back_whole(self, bench: Bench):
        _, process = await bench.boot(argv=["cat"])
        data = bytes(range(256)) * 16_384

        async def feed():
            await process.write(data)
            await process.write_eof()

        feeding = asyncio.create_task(feed())
        found = bytearray()
        while (chunk := await process.read()) is not None:
            found += chunk[1]
        await feeding
        assert bytes(found) == data

    async def test_writing_to_a_process_that_has_ended_says_so(self, bench: Bench):
        _, process = await bench.boot("true")
        await process.wait()
        with pytest.raises(Ended):
            await process.write(b"x" * 1_000_000)

    async def test_a_writer_waits_for_its_reader(self, bench: Bench):
        _, process = await bench.boot("yes | head -c 50000000; echo done >&2")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(process.wait(), 0.3)
        out, err = await outputs(process)
        assert (len(out), err) == (50_000_000, "done\n")

    async def test_a_quiet_output_does_not_hide_the_other(self, bench: Bench):
        _, process = await bench.boot("echo first; sleep 0.1; echo second >&2; sleep 100")
        assert await process.read() == (Mark.OUT, b"first\n")
        assert await process.read() == (Mark.ERR, b"second\n")

    async def test_stdout_can_be_opened_anew_by_its_name(self, bench: Bench):
        out, *_ = await bench.run("echo again >/dev/stdout", user="alice")
        assert out == "again\n"

    async def test_a_process_has_outputs_and_a_code_of_its_own(self, bench: Bench):
        name, first = await bench.boot("sleep 100")
        process = await bench.execute(name, "echo out; echo err >&2; exit 7")
        assert await outputs(process) == ("out\n", "err\n")
        assert await process.wait() == Exit(code=7)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(first.wait(), 0.01)

    async def test_a_process_shares_the_container(self, bench: Bench):
        name, _ = await bench.boot("echo here >/tmp/x; sleep 100", hostname="shared")
        process = await bench.execute(name, "cat /tmp/x; hostname; pwd", cwd="/tmp")
        assert (await outputs(process))[0].split() == ["here", "shared", "/tmp"]

    async def test_a_process_may_be_another_user_in_another_folder(self, bench: Bench):
        name, _ = await bench.boot("sleep 100")
        process = await bench.execute(
            name, "id -un; pwd; echo $A", user="alice", cwd="/var", env=(("A", "b"),)
        )
        assert (await outputs(process))[0].split() == ["alice", "/var", "b"]

    @pytest.mark.parametrize("command", ["foo", "garbage", "orphan", "/tmp"])
    async def test_a_process_that_cannot_be_executed_is_an_error_and_the_container_goes_on(
        self, bench: Bench, command: str
    ):
        name, _ = await bench.boot("sleep 100")
        with pytest.raises(EngineFailed, match=command):
            await bench.execute(name, "", argv=[command])
        assert (await outputs(await bench.execute(name, "echo alive")))[0] == "alive\n"

    async def test_output_ends_with_the_process_though_its_child_lives_on(self, bench: Bench):
        name, _ = await bench.boot("sleep 100")
        process = await bench.execute(name, "sleep 90 & echo hi")
        async with asyncio.timeout(max(5, bench.soon)):
            assert (await outputs(process))[0] == "hi\n"

    async def test_nothing_can_be_run_in_an_ended_container(self, bench: Bench):
        name, process = await bench.boot("true")
        await process.wait()
        with pytest.raises(ContainerEnded):
            await bench.execute(name, "true")

    async def test_a_process_ends_with_its_container(self, bench: Bench):
        name, _ = await bench.boot("sleep 100")
        process = await bench.execute(name, "sleep 90")
        await bench.engine.destroy(name, 0)
        assert await process.wait() == Exit(signal=signal.SIGKILL)
        assert await process.read() is None

    async def test_too_much_memory_ends_a_process_and_says_why(self, bench: Bench):
        script = "my $x = 'x' x 200_000_000; print length $x"
        with bench.asked("memory"):
            *_, how = await bench.run(argv=["perl", "-e", script], limits=Limits(memory=64 << 20))
            assert how.signal == signal.SIGKILL
            assert "out of memory" in how.reason

    async def test_a_container_cannot_have_more_processes_than_its_limit(self, bench: Bench):
        script = "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 5 & done; echo all"
        with bench.asked("pids"):
            out, err, _ = await bench.run(script, limits=Limits(pids=5))
            assert "all" not in out
            assert "can't fork" in err
