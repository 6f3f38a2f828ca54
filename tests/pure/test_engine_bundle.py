"""config.json, accounts and ends of processes: pure parts of the embedded engine."""

from __future__ import annotations

import signal

import pytest

from tfnz_jupyter.engines import accounts, reasons
from tfnz_jupyter.engines.accounts import Account
from tfnz_jupyter.engines.base import ContainerSpec, Exit, ImageInfo
from tfnz_jupyter.engines.capabilities import CAPABILITIES
from tfnz_jupyter.engines.embedded import bundle, exits
from tfnz_jupyter.engines.embedded.bundle import IDS, Machine, Places
from tfnz_jupyter.errors import UsageError

MACHINE = Machine(500_000, "QUJD", (("RLIMIT_NOFILE", 1024, 4096),))
ROOT = Account(0, 0)
PLACES = Places("/mnt/c/root", "/proc/1/fd/9", "/mnt/c/sys", "/mnt/c/folder")
PASSWD = "root:x:0:0:root:/root:/bin/sh\n# a remark\nbroken\nweb:x:33:34::/var/www:/bin/false\n7:x:70:71::/seven:\n"
GROUP = "root:x:0:\nstaff:x:50:web,other\nweb:x:34:\nbad:x:no:web\n"


def spec(**facts: object) -> ContainerSpec:
    image = ImageInfo("tiny", "sha256:00", ())
    values = {"id": "c", "hostname": "web-1", "image": image, "argv": ("echo", "a b"), "env": (("A", "1"),),
              "cwd": "/srv", "user": ""} | facts  # fmt: skip
    return ContainerSpec(**values)  # type: ignore[arg-type]


def config(account: Account = ROOT, **facts: object) -> dict:
    return bundle.config(spec(**facts), account, MACHINE, PLACES, 1 << 30)


def mounts(found: dict) -> dict[str, dict]:
    return {mount["destination"]: mount for mount in found["mounts"]}


def test_the_command_runs_as_it_was_given():
    process = config()["process"]
    assert (process["args"], process["cwd"], process["terminal"]) == (
        ["echo", "a b"],
        "/srv",
        False,
    )


def test_the_environment_is_the_users_over_the_usual():
    env = config(env=(("PATH", "/bin"), ("A", "1")))["process"]["env"]
    assert env == ["PATH=/bin", "HOSTNAME=web-1", "HOME=/", "A=1"]


def test_every_namespace_is_new_but_the_network_that_was_made_before():
    namespaces = {one["type"]: one.get("path") for one in config()["linux"]["namespaces"]}
    assert namespaces == {"pid": None, "mount": None, "ipc": None, "uts": None, "user": None,
                          "cgroup": None, "network": "/proc/1/fd/9"}  # fmt: skip


def test_ids_are_mapped_into_the_range():
    linux = config()["linux"]
    wanted = [{"containerID": 0, "hostID": 500_000, "size": 65_536}]
    assert linux["uidMappings"] == linux["gidMappings"] == wanted


def test_nobody_gains_privileges_and_only_root_has_capabilities():
    root, other = config()["process"], config(Account(33, 33))["process"]
    assert root["noNewPrivileges"]
    assert root["capabilities"]["effective"] == list(CAPABILITIES)
    assert other["capabilities"]["effective"] == other["capabilities"]["permitted"] == []
    assert "CAP_MKNOD" not in CAPABILITIES
    assert "CAP_SYS_ADMIN" not in CAPABILITIES


def test_the_filter_is_passed_compiled():
    assert config()["annotations"] == {"run.oci.seccomp_bpf_data": "QUJD"}


def test_sys_is_read_only_and_proc_is_masked():
    found = config()
    assert "ro" in mounts(found)["/sys"]["options"]
    assert "/proc/kcore" in found["linux"]["maskedPaths"]
    assert "/proc/sys" in found["linux"]["readonlyPaths"]


def test_hosts_hostname_and_resolver_are_provided_unless_the_user_brings_them():
    assert set(bundle.PROVIDED) <= set(mounts(config()))
    mine = mounts(config(files=(("/etc/hosts", b""),)))
    assert "/etc/hosts" not in mine
    assert "/etc/hostname" in mine


def test_cgroups_are_shown_only_where_they_are_the_containers_own():
    assert "/sys/fs/cgroup" not in mounts(config())
    machine = Machine(1, "", (), cgroup2=True)
    found = bundle.config(spec(), Account(0, 0), machine, PLACES, 1 << 30)
    assert "ro" in mounts(found)["/sys/fs/cgroup"]["options"]


def test_provided_files_name_the_container():
    files = bundle.provided_files("web-1", "10.124.0.9", "10.9.9.3")
    assert b"10.124.0.9\tweb-1\n" in files["hosts"]
    assert files["hostname"] == b"web-1\n"
    assert files["resolv.conf"].startswith(b"nameserver 10.9.9.3\n")


@pytest.mark.parametrize(
    ("user", "account"),
    [
        ("", Account(0, 0, (0,), "/root")),
        ("root", Account(0, 0, (0,), "/root")),
        ("web", Account(33, 34, (34, 50), "/var/www")),
        ("33", Account(33, 34, (34, 50), "/var/www")),
        ("web:staff", Account(33, 50, (50,), "/var/www")),
        ("web:99", Account(33, 99, (99,), "/var/www")),
        ("1234", Account(1234, 0, (0,), "/")),
        ("1234:5", Account(1234, 5, (5,), "/")),
        ("7", Account(70, 71, (71,), "/seven")),
    ],
)
def test_a_user_is_looked_up_as_docker_does(user: str, account: Account):
    assert accounts.resolve(user, PASSWD, GROUP, IDS) == account


def test_an_image_without_accounts_has_root():
    assert accounts.resolve("", "", "", IDS) == Account(0, 0, (0,), "/")


@pytest.mark.parametrize("user", ["ghost", "web:ghosts", "-1", "65536", "web:70000", "99999999999"])
def test_a_user_that_cannot_be_is_refused(user: str):
    with pytest.raises(UsageError):
        accounts.resolve(user, PASSWD, GROUP, IDS)


@pytest.mark.parametrize(
    ("status", "oom", "how"),
    [
        (0, False, Exit(code=0)),
        (3 << 8, False, Exit(code=3)),
        (9, False, Exit(signal=9)),
        (9, True, Exit(signal=9, reason="out of memory: its memory limit was reached")),
        (11 | 128, False, Exit(signal=11)),
    ],
)
def test_a_status_is_read_as_the_kernel_means_it(status: int, oom: bool, how: Exit):
    assert exits.from_status(status, oom) == how


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("SIGTERM", 15),
        ("term", 15),
        ("15", 15),
        ("SIGQUIT", 3),
        ("SIGRTMIN+3", signal.SIGRTMIN + 3),
    ],
)
def test_stop_signals_are_written_in_many_ways(name: str, number: int):
    assert reasons.signal_number(name) == number


@pytest.mark.parametrize("name", ["", "SIGNOTHING", "0", "99", "SIGRTMIN+99"])
def test_a_signal_that_does_not_exist_is_refused(name: str):
    with pytest.raises(UsageError):
        reasons.signal_number(name)
