"""What a container sees of the machine, and what it may not do: asked from inside."""

from __future__ import annotations

import asyncio
import errno
import os
import platform
from pathlib import Path

import pytest

from tests.support.bench import Bench, outputs
from tfnz_jupyter.engines.capabilities import CAPABILITIES
from tfnz_jupyter.engines.embedded.bundle import IDS

MKNOD, UNSHARE, CLONE3, SOCKET, KEYCTL, MOUNT = 133, 272, 435, 41, 250, 165  # x86_64
EPERM, ENOSYS = errno.EPERM, errno.ENOSYS
x86 = pytest.mark.skipif(platform.machine() != "x86_64", reason="numbers of x86_64")


async def status(bench: Bench, field: str, **facts: object) -> str:
    out, *_ = await bench.run(f"grep '^{field}:' /proc/self/status", **facts)
    return out.split(":", 1)[1].strip()


class Isolation:
    """Of the embedded engine, whoever runs it."""

    async def test_a_filter_is_on_and_privileges_cannot_be_gained(self, bench: Bench):
        assert await status(bench, "Seccomp") == "2"
        assert await status(bench, "NoNewPrivs") == "1"

    async def test_root_has_dockers_capabilities_but_mknod(self, bench: Bench):
        assert int(await status(bench, "CapEff"), 16) == 0xA80425FB & ~(1 << 27)
        assert int(await status(bench, "CapBnd"), 16).bit_count() == len(CAPABILITIES)

    async def test_another_user_has_none(self, bench: Bench):
        assert int(await status(bench, "CapEff", user="alice"), 16) == 0

    async def test_a_process_run_later_is_no_freer(self, bench: Bench):
        name, _ = await bench.boot("sleep 100")
        process = await bench.execute(
            name, "grep -E '^(Seccomp|NoNewPrivs|CapEff):' /proc/self/status"
        )
        fields = dict(line.split(":") for line in (await outputs(process))[0].splitlines())
        assert {key: value.strip() for key, value in fields.items()} == {
            "Seccomp": "2", "NoNewPrivs": "1", "CapEff": "00000000a00425fb",
        }  # fmt: skip

    async def test_its_users_are_nobody_on_the_host(self, bench: Bench):
        out, *_ = await bench.run("cat /proc/self/uid_map /proc/self/gid_map")
        for line in out.splitlines():
            inside, outside, count = map(int, line.split())
            assert (inside, count) == (0, IDS)
            assert outside > 0

    async def test_it_sees_only_its_own_processes(self, bench: Bench):
        out, *_ = await bench.run("echo $$; ls -d /proc/[0-9]*")
        assert out.splitlines()[0] == "1"
        assert len(out.splitlines()) <= 4

    @pytest.mark.parametrize("kind", ["pid", "mnt", "net", "ipc", "uts", "user", "cgroup"])
    async def test_each_namespace_is_its_own(self, bench: Bench, kind: str):
        out, *_ = await bench.run(f"readlink /proc/self/ns/{kind}")
        assert out.strip() != os.readlink(f"/proc/self/ns/{kind}")

    @x86
    @pytest.mark.parametrize(
        ("call", "error"),
        [
            (f"{UNSHARE}, 0x10000000", EPERM),
            (f"{MOUNT}, my $a='x', my $b='/tmp', my $c='tmpfs', 0, 0", EPERM),
            (f"{KEYCTL}, 0, 0", EPERM),
            (f"{CLONE3}, 0, 0", ENOSYS),
            (f"{SOCKET}, 40, 1, 0", ENOSYS),
            (f"{SOCKET}, 38, 5, 0", ENOSYS),
            (f"{MKNOD}, my $a='/tmp/sda', 0x6180, 0x800", EPERM),
            ("321, 0, 0, 0", EPERM),  # bpf
            ("56, 0x10000000, 0, 0, 0, 0", EPERM),  # clone(CLONE_NEWUSER)
        ],
    )
    async def test_a_dangerous_call_is_answered_with_an_error(
        self, bench: Bench, call: str, error: int
    ):
        script = f"my $r = syscall({call}); print $r, ' ', $!+0"
        out, *_ = await bench.run(argv=["perl", "-e", script])
        result, found = out.split()
        assert int(result) == -1
        assert int(found) == error

    @x86
    async def test_a_call_of_another_architecture_kills(self, bench: Bench):
        """x32's getpid: 0x40000000 + 39."""
        *_, how = await bench.run(argv=["perl", "-e", "print syscall(0x40000027)"])
        assert how.signal == 31

    @pytest.mark.parametrize(
        "path", ["/proc/sys/kernel/hostname", "/sys/kernel/mm/ksm/run", "/proc/sysrq-trigger"]
    )
    async def test_the_kernels_knobs_cannot_be_turned(self, bench: Bench, path: str):
        _, err, how = await bench.run(f"echo 1 >{path}")
        assert how.code != 0
        assert "Read-only" in err or "Permission denied" in err or "nonexistent" in err

    async def test_masked_files_are_empty(self, bench: Bench):
        out, *_ = await bench.run(
            "cat /proc/kcore /proc/keys /proc/timer_list; ls /proc/acpi /sys/firmware"
        )
        assert [line for line in out.splitlines() if line and not line.endswith(":")] == []

    async def test_no_cgroup_of_the_host_is_mounted(self, bench: Bench):
        out, *_ = await bench.run("cat /proc/self/cgroup; ls /sys/fs/cgroup 2>/dev/null")
        assert "tfnz" not in out
        assert "memory.limit_in_bytes" not in out

    async def test_the_devices_are_the_harmless_ones(self, bench: Bench):
        out, *_ = await bench.run("ls /dev")
        assert set(out.split()) == {
            "core", "fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin",
            "stdout", "tty", "urandom", "zero", "console",
        } & set(out.split())  # fmt: skip
        assert {"null", "zero", "urandom", "shm", "pts", "fd"} <= set(out.split())

    async def test_no_descriptor_leaks_in(self, bench: Bench):
        out, *_ = await bench.run(
            argv=["perl", "-e", "opendir D,'/proc/self/fd'; print join ' ', sort readdir D"]
        )
        assert out.split() == [".", "..", "0", "1", "2", "3"]  # 3 is the folder being read

    async def test_limits_of_open_files_are_not_above_ours(self, bench: Bench):
        out, *_ = await bench.run("ulimit -n; ulimit -Hn; ulimit -c")
        soft, hard, core = out.split()
        assert int(soft) <= int(hard)
        assert core == "0"

    async def test_host_name_and_hosts_are_its_own(self, bench: Bench):
        out, *_ = await bench.run("hostname; cat /etc/hostname; cat /etc/hosts", hostname="web-1")
        lines = out.splitlines()
        assert lines[:2] == ["web-1", "web-1"]
        assert any(line.startswith("10.124.") and line.endswith("\tweb-1") for line in lines)

    async def test_who_works_beside_it_is_told_at_once_that_nobody_has_an_address_any_more(
        self, bench: Bench, tmp_path: Path
    ):
        name, ip = await bench.address("sleep 100")
        await bench.engine.destroy(name, 0)
        argv = ("/bin/bash", "-c", f"exec 3<>/dev/tcp/{ip}/80")
        async with asyncio.timeout(10):
            _, said = await outputs(await bench.engine.beside(argv, tmp_path))
        assert "Connection refused" in said
