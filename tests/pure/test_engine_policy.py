"""Who may reach whom, as elements of the firewall's sets; the kernel's part is a set of them."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from ipaddress import IPv4Address

import pytest

from tfnz_jupyter.engines.embedded.nfnetlink import Change, element
from tfnz_jupyter.engines.embedded.policy import Policy

ONE, TWO, THREE = (IPv4Address(f"10.124.0.{n}") for n in (2, 3, 4))


class Sets:
    """What the firewall's sets hold."""

    def __init__(self) -> None:
        self.held: set[tuple[str, bytes, bytes]] = set()
        self.full = False

    def apply(self, changes: Sequence[Change]) -> None:
        if self.full:
            raise OSError(errno.ENOMEM, "no room")
        for change in changes:
            entry = (change.set, change.key, change.end)
            assert (entry in self.held) is not change.put_in
            (self.held.add if change.put_in else self.held.remove)(entry)

    def names(self) -> list[str]:
        return sorted(name for name, _key, _end in self.held)


@pytest.fixture
def sets() -> Sets:
    return Sets()


@pytest.fixture
def policy(sets: Sets) -> Policy:
    return Policy(sets.apply)


@pytest.mark.parametrize(
    ("egress", "found"),
    [
        ("none", []),
        ("internet", ["internet", "resolving"]),
        ("all", ["resolving", "unbounded"]),
        (["10.1.0.0/16", "10.2.0.1/32"], ["granted", "granted", "resolving"]),
    ],
)
def test_each_egress_is_a_membership_and_goes_with_its_address(
    policy: Policy, sets: Sets, egress: str | list[str], found: list[str]
):
    policy.admit(ONE, egress)
    assert sets.names() == found
    policy.forget(ONE)
    assert sets.names() == []


def test_a_network_is_granted_from_its_first_to_its_last_address(policy: Policy, sets: Sets):
    policy.admit(ONE, ["10.1.0.0/16"])
    own = ONE.packed
    assert ("granted", own + b"\x0a\x01\x00\x00", own + b"\x0a\x01\xff\xff") in sets.held


def test_an_opening_is_one_way_and_made_and_undone_once(policy: Policy, sets: Sets):
    policy.allow(ONE, TWO)
    policy.allow(ONE, TWO)
    assert sets.held == {("allow", ONE.packed + TWO.packed, b"")}
    policy.disallow(TWO, ONE)
    assert len(sets.held) == 1
    policy.disallow(ONE, TWO)
    policy.disallow(ONE, TWO)
    assert not sets.held


def test_an_address_is_forgotten_with_all_openings_from_and_to_it(policy: Policy, sets: Sets):
    for client, server in ((ONE, TWO), (TWO, ONE), (TWO, THREE), (ONE, ONE)):
        policy.allow(client, server)
    policy.forget(ONE)
    policy.forget(ONE)
    assert sets.held == {("allow", TWO.packed + THREE.packed, b"")}


def test_what_the_kernel_refused_is_not_remembered_as_granted(policy: Policy, sets: Sets):
    sets.full = True
    with pytest.raises(OSError, match="no room"):
        policy.allow(ONE, TWO)
    sets.full = False
    policy.allow(ONE, TWO)
    assert sets.names() == ["allow"]


def test_an_element_names_its_table_set_and_key():
    request = element(Change("allow", b"\x0a\x7c\x00\x02\x0a\x7c\x00\x03"), "tfnz")
    assert len(request) % 4 == 0
    for part in (b"tfnz\0", b"allow\0", b"\x0a\x7c\x00\x02\x0a\x7c\x00\x03"):
        assert part in request
