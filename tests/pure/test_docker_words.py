"""What Docker is asked for and what it says, as text: rules, manifests, reasons."""

from __future__ import annotations

import asyncio
import io
import tarfile
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tfnz_jupyter.engines.base import ContainerSpec, Exit, ImageInfo, Limits, ProcessSpec, Terminal
from tfnz_jupyter.engines.docker import hosts, manifest, rules, words
from tfnz_jupyter.engines.docker.firewall import Firewall
from tfnz_jupyter.engines.docker.rules import Chains
from tfnz_jupyter.engines.docker.running import from_code
from tfnz_jupyter.engines.docker.silence import no_answer
from tfnz_jupyter.errors import EngineFailed, UsageError

CHAINS = Chains("0123abcd", "tfnz0123abcd")
IMAGE = ImageInfo("tiny", "sha256:1", (), env=(("PATH", "/bin"),))


def spec(**facts: object) -> ContainerSpec:
    known = {"argv": ("sleep", "9"), "env": (("A", "b"),), "cwd": "/srv", "user": "alice"}
    return ContainerSpec(id="c" * 26, hostname="h", image=IMAGE, **(known | facts))  # type: ignore[arg-type]


def asked(**facts: object) -> dict:
    volumes = {"v": "tfnz-v"}
    return manifest.container(
        spec(**facts), "image", "net", "10.0.0.2", {"l": "x"}, volumes, 1 << 30
    )


def table(egress: dict[str, rules.Egress], *openings: tuple[str, str]) -> list[str]:
    return rules.table(CHAINS, egress, openings, ["10.9.9.9"]).splitlines()


def forward(egress: dict[str, rules.Egress], *openings: tuple[str, str]) -> list[str]:
    head = f"-A {CHAINS.forward} "
    return [line.removeprefix(head) for line in table(egress, *openings) if line.startswith(head)]


def test_between_containers_all_is_reset_but_openings_which_lead_one_way():
    lines = forward({}, ("10.0.0.2", "10.0.0.3"))
    inside = "-o tfnz0123abcd"
    answers = "-m conntrack --ctstate ESTABLISHED,RELATED"
    assert lines[:4] == [
        f"{inside} -s 10.0.0.2 -d 10.0.0.3 -j ACCEPT",
        f"{inside} -s 10.0.0.3 -d 10.0.0.2 {answers} -j ACCEPT",
        f"{inside} -p tcp -j REJECT --reject-with tcp-reset",
        f"{inside} -j REJECT",
    ]


def test_who_is_not_known_has_no_way_out():
    assert forward({})[-1] == "-j REJECT"
    assert not any("-s " in line for line in forward({"10.0.0.2": "none"}))


def test_public_addresses_are_those_that_nobody_keeps_for_himself():
    assert f"-s 10.0.0.2 -g {CHAINS.public}" in forward({"10.0.0.2": "internet"})
    refused = [line for line in table({}) if line.startswith(f"-A {CHAINS.public}")]
    assert f"-A {CHAINS.public} -d 192.168.0.0/16 -j REJECT" in refused
    assert f"-A {CHAINS.public} -d 169.254.0.0/16 -j REJECT" in refused


def test_networks_are_granted_but_never_what_is_the_hosts():
    lines = forward({"10.0.0.2": ["10.1.0.0/16"]})
    never = lines.index("-s 10.0.0.2 -d 169.254.0.0/16 -j REJECT")
    assert never < lines.index("-s 10.0.0.2 -d 10.1.0.0/16 -j RETURN")
    assert "-s 10.0.0.2 -d 10.9.9.9 -p udp --dport 53 -j RETURN" in lines


def test_the_host_is_reached_by_those_alone_that_may_reach_all():
    found = [
        line
        for line in table({"10.0.0.2": "all", "10.0.0.3": "internet"})
        if line.startswith(f"-A {CHAINS.input}")
    ]
    assert found == [
        f"-A {CHAINS.input} -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN",
        f"-A {CHAINS.input} -s 10.0.0.2 -j RETURN",
        f"-A {CHAINS.input} -j REJECT",
    ]


def test_openings_are_found_again_in_what_iptables_lists():
    listed = f"""-N {CHAINS.forward}
-A {CHAINS.forward} -s 10.0.0.2/32 -d 10.0.0.3/32 -o {CHAINS.bridge} -j ACCEPT
-A {CHAINS.forward} -s 10.0.0.3/32 -d 10.0.0.2/32 -o {CHAINS.bridge} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A {CHAINS.forward} -s 10.0.0.4/32 -j RETURN
"""
    assert rules.openings_in(CHAINS, listed) == {("10.0.0.2", "10.0.0.3")}


def test_a_container_is_hardened_and_limited():
    host = asked(limits=Limits(memory=1 << 26, cpus=0.5, pids=9))["HostConfig"]
    assert host["CapDrop"] == ["ALL"]
    assert not {"NET_RAW", "MKNOD", "SYS_ADMIN"} & set(host["CapAdd"])
    assert host["SecurityOpt"] == ["no-new-privileges"]
    limits = [host[name] for name in ("Memory", "MemorySwap", "NanoCpus", "PidsLimit")]
    assert limits == [1 << 26, 1 << 26, 500_000_000, 9]
    assert asked()["HostConfig"]["Memory"] == 1 << 30


def test_what_is_run_is_said_whatever_the_image_says():
    found = asked(volumes=(("v", "/data"),))
    assert (found["Entrypoint"], found["Cmd"]) == ([], ["sleep", "9"])
    assert (found["Env"], found["WorkingDir"], found["User"]) == (["A=b"], "/srv", "alice")
    mount = {"Type": "volume", "Source": "tfnz-v", "Target": "/data"}
    assert found["HostConfig"]["Mounts"] == [mount]
    endpoint = found["NetworkingConfig"]["EndpointsConfig"]["net"]
    assert endpoint == {"IPAMConfig": {"IPv4Address": "10.0.0.2"}}


@pytest.mark.parametrize("facts", [{"asleep": True}, {"terminal": Terminal()}])
def test_a_command_that_must_wait_waits_at_a_gate(facts: dict[str, object]):
    assert asked(**facts)["Cmd"][-2:] == ["sleep", "9"]
    assert asked(**facts)["Cmd"][0] == f"/{manifest.BUSYBOX}"
    with tarfile.open(fileobj=io.BytesIO(manifest.files(spec(**facts), b"program"))) as tar:
        assert tar.getmember(manifest.GATE).isfifo()
        assert tar.getmember(manifest.BUSYBOX).mode == 0o755


def test_pre_boot_files_are_roots_and_nothing_else_goes_along():
    with tarfile.open(
        fileobj=io.BytesIO(manifest.files(spec(files=(("/a/b", b"x"),)), b""))
    ) as tar:
        (member,) = tar.getmembers()
    assert (member.name, member.size, member.uid, member.mode) == ("a/b", 1, 0, 0o644)
    assert manifest.files(spec(), b"") == b""


def test_a_tar_ends_with_two_blocks_of_zeros_and_nothing_else():
    found = manifest.files(spec(files=(("/a", b"x"),)), b"")
    assert len(found) == 4 * tarfile.BLOCKSIZE
    assert not any(found[-2 * tarfile.BLOCKSIZE :])


def test_no_key_lets_go_of_a_terminal():
    keys = manifest.process(ProcessSpec("p", ("sh",), terminal=Terminal()))["detach_keys"]
    assert set(keys.split(",")) == {"ctrl-@"}


@pytest.mark.parametrize(
    ("code", "how"),
    [(0, Exit(code=0)), (127, Exit(code=127)), (255, Exit(code=255)), (137, Exit(signal=9))],
)
def test_a_code_above_128_is_a_signal(code: int, how: Exit):
    assert from_code(code) == how


@pytest.mark.parametrize(
    ("said", "kind", "reason"),
    [
        ('runc create failed: exec: "foo": executable file not found in $PATH', EngineFailed, "no such command"),
        ("exec /bin/foo: exec format error", EngineFailed, "no program for this machine"),
        ("exec /bin/foo: no such file or directory", EngineFailed, "interpreter"),
        ('OCI runtime exec failed: exec: "/tmp": permission denied', EngineFailed, "may not be executed"),
        ("unable to find user nobody-here: no matching entries", UsageError, "'nobody-here'"),
        ("write /var/lib: no space left on device", EngineFailed, "disk is full"),
        ("something else", EngineFailed, "did not start"),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_said_in_words_for_people(said: str, kind: type[Exception], reason: str):
    found = words.why(said, ("foo",), spec())
    assert type(found) is kind
    assert reason in found.message


@pytest.mark.parametrize(
    ("said", "late"),
    [
        (b"exec /bin/garbage: exec format error\n", True),
        (b"exec /bin/orphan: no such file or directory\n", True),
        (b"standard_init_linux.go:228: exec user process caused: exec format error\n", True),
        (b"executing: well\n", False),
        (b"cat: /x: no such file or directory\n", False),
    ],
)
def test_the_runtimes_last_words_are_told_from_a_programs_first(said: bytes, late: bool):
    assert words.is_late(said) is late


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-01-02T03:04:05Z", 1767323045.0),
        ("2026-01-02T03:04:05.25Z", 1767323045.25),
        ("2026-01-01T22:04:05.250000999-05:00", 1767323045.25),
        ("2026-07-02T05:04:05+02:00", 1782961445.0),
    ],
)
def test_the_time_of_a_host_is_told_in_its_own_zone(text: str, seconds: float):
    assert hosts.seconds(text) == pytest.approx(seconds, abs=1e-5)


async def test_a_change_that_was_not_written_with_another_is_written_by_itself():
    """Those that wait while the table is written share the next writing; where that fails, the first is told, not all."""
    written: list[str] = []
    first = asyncio.Event()

    async def run(argv: Sequence[str], given: str) -> tuple[int, str]:
        written.append(given)
        await first.wait()
        return int(len(written) == 2), "no"

    firewall = Firewall(CHAINS, run=run)
    admitting = [asyncio.ensure_future(firewall.admit(f"10.0.0.{n}", "none")) for n in (2, 3, 4)]
    await asyncio.sleep(0)
    first.set()
    told = await asyncio.gather(*admitting, return_exceptions=True)
    assert [type(one) for one in told] == [type(None), EngineFailed, type(None)]
    assert len(written) == 3


async def test_what_a_containers_own_busybox_prints_without_end_is_not_all_kept():
    """A script in a container is run by what root there may have replaced."""

    class Way:
        async def stream(
            self, *_asked: object
        ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            reader = asyncio.StreamReader()
            for _ in range(64):  # and no end
                reader.feed_data(b"\1\0\0\0\0\1\0\0" + bytes(1 << 16))
            return reader, cast(asyncio.StreamWriter, SimpleNamespace(close=lambda: None))

    host = hosts.Host.__new__(hosts.Host)
    host._way = cast(Any, Way())
    async with asyncio.timeout(60):
        assert 0 < len(await host.output_of("key")) <= 2 << 20


def test_a_host_that_hangs_up_on_a_certificate_without_a_word_is_told_as_one_that_says_why():
    said = "Cannot connect to Docker Engine via https://host:2376 [[Errno 104] Connection reset by peer]"
    error = no_answer("tcp://host", OSError(said), 5)
    assert "cert.pem" in error.message
    assert "ca.pem" in error.hint
