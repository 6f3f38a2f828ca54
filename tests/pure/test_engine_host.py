"""What the embedded engine asks of the machine, as text: ids, seccomp, firewall, cgroups, netlink, statistics."""

from __future__ import annotations

import errno
from ipaddress import IPv4Address

import pytest

from tfnz_jupyter.engines import places
from tfnz_jupyter.engines.addresses import NOT_PUBLIC
from tfnz_jupyter.engines.embedded import (
    cgroups,
    firewall,
    netlink,
    seccomp,
    stats,
    subids,
)
from tfnz_jupyter.engines.embedded.cgroups import Quota
from tfnz_jupyter.engines.embedded.seccomp import Rule
from tfnz_jupyter.engines.embedded.subids import Range
from tfnz_jupyter.errors import EngineFailed, UsageError

# -- subordinate ids ---------------------------------------------------------------------------------------------------


def test_subordinate_ids_are_parsed_and_nonsense_left_out():
    text = "alice:100000:65536\n\n# remark\nbob:x:1\ncarol:1:2:3\n1000:165536:65536 # by number\n"
    assert subids.parse(text) == [Range("alice", 100_000, 65_536), Range("1000", 165_536, 65_536)]


def test_the_first_free_range_meets_nobody():
    first = subids.free([]).first
    taken = [Range("a", first + 5, 1), Range("b", first + 70_000, 200_000)]
    found = subids.free(taken)
    assert found.first > first + 270_000 - 65_536
    assert not any(found.overlaps(other) for other in taken)


def test_a_full_machine_is_refused():
    with pytest.raises(EngineFailed, match="no 65,536 free"):
        subids.free([Range("everybody", 0, 1 << 32)])


def test_only_a_whole_range_of_our_own_counts():
    ranges = [Range("alice", 1, 65_536), Range("tfnz", 2, 10), Range("999", 70_000, 65_536)]
    assert subids.owned(ranges, ("tfnz", "999")) == ranges[2]
    assert subids.owned(ranges[:2], ("tfnz", "999")) is None


@pytest.mark.parametrize(
    ("other", "meets"), [(0, False), (1, True), (65_536, True), (131_072, False)]
)
def test_an_overlap_with_somebody_else_is_found(other: int, meets: bool):
    ours = Range("tfnz", 65_536, 65_536)
    others = [ours, Range("bob", other, 65_536)]
    assert (subids.clash(ours, others, ("tfnz",)) is not None) == meets


# -- seccomp -----------------------------------------------------------------------------------------------------------

PROFILE = {
    "defaultAction": "SCMP_ACT_ERRNO",
    "defaultErrnoRet": 38,
    "syscalls": [
        {"names": ["read", "mount", "clone", "clone3", "socket"], "action": "SCMP_ACT_ALLOW"},
        {"names": ["chroot"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_CHROOT"]}},
        {"names": ["chroot"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1,
         "excludes": {"caps": ["CAP_SYS_CHROOT"]}},
        {"names": ["arch_prctl"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["amd64"]}},
        {"names": ["personality"], "action": "SCMP_ACT_ALLOW",
         "args": [{"index": 0, "value": 8, "valueTwo": 0, "op": "SCMP_CMP_EQ"}]},
    ],
}  # fmt: skip


def rules(machine: str = "x86_64", *capabilities: str) -> list[Rule]:
    return list(seccomp.translate(PROFILE, machine, capabilities).rules)


def test_what_the_profile_allows_is_allowed_but_for_what_we_take_away():
    found = rules()
    assert Rule("read") in found
    assert [rule for rule in found if rule.name == "mount"] == [Rule("mount", errno.EPERM)]
    assert {rule.error for rule in found if rule.name == "clone3"} == {errno.ENOSYS}


@pytest.mark.parametrize(
    "name", ["unshare", "setns", "keyctl", "pivot_root", "fsopen", "umount2", "open_tree"]
)
def test_dangerous_calls_are_refused(name: str):
    assert Rule(name, errno.EPERM) in rules()


def test_clone_is_allowed_only_without_new_namespaces():
    allowed = [rule for rule in rules() if rule.name == "clone" and rule.error is None]
    assert [rule.args for rule in allowed] == [((0, 7, 0x7E02_0000, 0),)]
    assert rules("s390x")[-1].name == "socket"


def test_conditions_on_capabilities_and_architectures_are_decided_here():
    assert Rule("chroot") in rules("x86_64", "CAP_SYS_CHROOT")
    assert Rule("chroot", 1) in rules("x86_64")
    assert Rule("arch_prctl") in rules("x86_64")
    assert Rule("arch_prctl") not in rules("aarch64")


def test_arguments_are_carried_over():
    assert Rule("personality", None, ((0, 4, 8, 0),)) in rules()


def test_sockets_that_leave_the_network_namespace_are_not_allowed():
    families = [rule.args[0] for rule in rules() if rule.name == "socket"]
    assert families == [(0, 2, 38, 0), (0, 4, 39, 0), (0, 6, 40, 0)]


@pytest.mark.parametrize("broken", [{"defaultAction": "SCMP_ACT_ALLOW"}, {}])
def test_a_profile_that_allows_by_default_is_refused(broken: dict):
    with pytest.raises(EngineFailed):
        seccomp.translate(broken, "x86_64", ())


def test_an_unknown_action_is_refused():
    profile = PROFILE | {"syscalls": [{"names": ["read"], "action": "SCMP_ACT_TRACE"}]}
    with pytest.raises(EngineFailed, match="SCMP_ACT_TRACE"):
        seccomp.translate(profile, "x86_64", ())


# -- firewall ----------------------------------------------------------------------------------------------------------


def test_forwarding_and_input_are_refused_unless_said_otherwise():
    text = firewall.table()
    assert text.count("policy drop") == 2
    assert "hook forward priority 0; policy drop;" in text
    assert "hook input priority 0; policy drop;" in text


def test_what_is_refused_to_some_comes_before_what_is_granted_to_them():
    order = ("ip daddr 10.124.0.0/16", "@resolving", "@unbounded", "@never", "@host", "@granted")
    order += ("daddr @private", "@internet")
    places = [firewall.table().index(words) for words in order]
    assert places == sorted(places)


def test_a_container_that_is_in_no_set_reaches_nothing():
    outward = firewall.table().split("chain outward {")[1].split("}")[0]
    assert all("ip saddr" in line for line in outward.splitlines() if line.endswith("accept"))
    assert outward.split()[-2:] == ["goto", "refuse"]


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
     "224.0.0.1", "255.255.255.255", "0.0.0.0", "10.124.0.5"],
)  # fmt: skip
def test_an_address_that_is_not_public_is_in_the_list(address: str):
    assert any(IPv4Address(address) in net for net in NOT_PUBLIC)


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "151.101.2.132"])
def test_a_public_address_is_not(address: str):
    assert not any(IPv4Address(address) in net for net in NOT_PUBLIC)


def test_the_hosts_addresses_replace_the_ones_before():
    text = firewall.host_addresses([IPv4Address("9.9.9.9"), IPv4Address("1.2.3.4")])
    assert text == "flush set inet tfnz host\nadd element inet tfnz host { 1.2.3.4, 9.9.9.9 }\n"
    assert firewall.host_addresses([]) == "flush set inet tfnz host\n"


# -- cgroups -----------------------------------------------------------------------------------------------------------

V1 = """\
30 20 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw
31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw shared:1 - cgroup cgroup rw,cpu,cpuacct
32 30 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
33 30 0:29 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids
34 30 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
"""
V2 = "31 30 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"


def test_version_one_is_found_also_beside_version_two():
    assert cgroups.hierarchies(V1) == {
        "cpu": "/sys/fs/cgroup/cpu,cpuacct",
        "memory": "/sys/fs/cgroup/memory",
        "pids": "/sys/fs/cgroup/pids",
    }


def test_version_two_is_found_alone():
    assert cgroups.hierarchies(V2) == {"": "/sys/fs/cgroup"}
    assert cgroups.hierarchies("") == {}


def test_limits_are_written_in_both_languages():
    quota = Quota(1 << 20, 0.5, 99)
    old, new = cgroups.v1_settings(quota), dict(cgroups.v2_settings(quota))
    assert ("cpu.cfs_quota_us", "50000") in old["cpu"]
    assert old["memory"][0] == ("memory.limit_in_bytes", "1048576")
    assert (new["memory.max"], new["cpu.max"], new["pids.max"]) == ("1048576", "50000 100000", "99")


def test_all_cpus_means_no_quota():
    quota = Quota(1, None, 1)
    assert not any("quota" in name for name, _ in cgroups.v1_settings(quota)["cpu"])
    assert dict(cgroups.v2_settings(quota))["cpu.max"] == "max 100000"


# -- netlink -----------------------------------------------------------------------------------------------------------


def test_attributes_survive_the_way_there_and_back():
    data = (
        netlink.attribute(1, b"abc") + netlink.attribute(3, b"") + netlink.attribute(4, b"12345678")
    )
    assert netlink.attributes(data) == {1: b"abc", 3: b"", 4: b"12345678"}


def test_a_datagram_of_several_messages_is_taken_apart():
    data = netlink.message(16, 0, b"1234") + netlink.message(20, 0, b"")
    assert [(kind, body) for kind, _, body in netlink.messages(data)] == [(16, b"1234"), (20, b"")]
    assert list(netlink.messages(b"short")) == []


# -- files before the boot ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "clean"),
    [("/a", "/a"), ("//a///b", "/a/b"), ("/a/./b", "/a/b"), ("/process", "/process")],
)
def test_a_good_path_is_made_tidy(path: str, clean: str):
    assert places.check_file(path) == clean


@pytest.mark.parametrize(
    "path",
    ["a", "", "/", "/a/", "/..", "/a/../b", "/a/..", "/\0", "/proc", "/proc/x", "/dev/shm/x"],
)
def test_a_bad_path_is_refused_by_name(path: str):
    with pytest.raises(UsageError) as caught:
        places.check_file(path)
    assert repr(path) in str(caught.value)


# -- statistics --------------------------------------------------------------------------------------------------------


def test_a_node_is_as_idle_as_its_counters_say():
    before = stats.sample(
        "cpu  100 0 100 800 0 0 0 0 0 0\ncpu0", "pswpin 10\npswpout 5\nother 1", 0.0
    )
    after = stats.sample(
        "cpu  150 0 150 900 0 0 0 0 0 0\ncpu0", "pswpin 20\npswpout 5\nother 1", 2.0
    )
    meminfo = "MemTotal: 2048000 kB\nMemFree: 1 kB\nMemAvailable: 1024000 kB\n"
    found = stats.node_stats(before, after, meminfo, 2, 7)
    assert (found.cpu, found.cpu_total, found.memory, found.memory_total) == (
        1000,
        2000,
        1000,
        2000,
    )
    assert (found.paging, found.containers) == (10 * stats._PAGE_KIB // 2, 7)


def test_a_node_has_a_valid_name():
    name = stats.node_name()
    assert 0 < len(name) <= 63
    assert name == name.lower()
    assert name.replace("-", "").isalnum()
