"""What ``egress=`` may be."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from tfnz_jupyter.errors import UsageError
from tfnz_jupyter.wire.egress import valid


@pytest.mark.parametrize("word", ["internet", "none", "all"])
def test_a_word_is_itself(word: str):
    assert valid(word) == word


def test_networks_come_in_their_shortest_form():
    given = ["10.1.0.0/16", "10.1.2.3", IPv4Network("10.0.0.0/16"), "11.22.33.44/32"]
    assert valid(given) == ["10.0.0.0/15", "11.22.33.44/32"]


def test_no_network_is_none():
    assert valid([]) == "none"


def test_a_wide_network_may_contain_what_no_list_gives():
    assert valid(["0.0.0.0/0"]) == ["0.0.0.0/0"]


@pytest.mark.parametrize(
    "given",
    [
        "Internet", "", None, 7, b"all", "10.0.0.0/8", ["10.0.0.1/8"], ["fd00::/8"], ["all"],
        ["127.0.0.1"], ["169.254.169.254"], ["224.0.0.1"], ["0.1.2.3"], ["10.0.0.0/8"] * 257,
    ],
)  # fmt: skip
def test_anything_else_is_refused_by_name(given: object):
    with pytest.raises(UsageError, match=r"^egress: "):
        valid(given)
