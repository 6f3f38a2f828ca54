"""NetworkPolicies as a network plugin reads them: who reaches whom, and which addresses outside."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest

from tfnz_jupyter.engines.kubernetes import manifest_policies as policies
from tfnz_jupyter.engines.kubernetes.labels import (
    CONTAINER,
    EGRESS,
    LOCATION,
    LOCATION_POD,
    egress_class,
)

HERE = {LOCATION: "here"}


def pod(
    name: str, egress: str | tuple[str, ...] = "internet", location: str = "here"
) -> dict[str, str]:
    return {LOCATION: location, CONTAINER: name, EGRESS: egress_class(egress)}


def chosen(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    return selector["podSelector"]["matchLabels"].items() <= labels.items()


def of(every: list[dict[str, Any]], labels: dict[str, str], kind: str) -> list[dict[str, Any]]:
    """The rules of one direction that concern a Pod; no policy of that direction would mean: everything."""
    specs = [one["spec"] for one in every if chosen(one["spec"], labels)]
    directed = [spec for spec in specs if kind.title() in spec["policyTypes"]]
    assert directed, f"nothing refuses {labels}"
    return [rule for spec in directed for rule in spec.get(kind, [])]


def connects(every: list[dict[str, Any]], client: dict[str, str], server: dict[str, str]) -> bool:
    """Whether both ends have leave, by selectors of Pods alone."""
    out = (peer for rule in of(every, client, "egress") for peer in rule["to"])
    into = (peer for rule in of(every, server, "ingress") for peer in rule["from"])
    by_pods = [peer for peer in out if "podSelector" in peer and "namespaceSelector" not in peer]
    return any(chosen(peer, server) for peer in by_pods) and any(chosen(p, client) for p in into)


def reaches(every: list[dict[str, Any]], client: dict[str, str], address: str) -> bool:
    """Whether a Pod may open any connection to an address outside."""
    for rule in of(every, client, "egress"):
        for block in (peer["ipBlock"] for peer in rule["to"] if "ipBlock" in peer):
            without = map(IPv4Network, block.get("except", []))
            inside = IPv4Address(address) in IPv4Network(block["cidr"])
            if (
                inside
                and not any(IPv4Address(address) in one for one in without)
                and "ports" not in rule
            ):
                return True
    return False


def test_containers_reach_each_other_only_where_one_was_opened_and_one_way():
    every = policies.base("here")
    web, client, other = pod("web"), pod("client"), pod("other")
    assert not connects(every, client, web)
    every += policies.opening("web", "client", HERE)
    assert connects(every, client, web)
    assert not connects(every, web, client)
    assert not connects(every, other, web)
    assert not connects(every, client, other)


def test_containers_of_another_location_are_nobody():
    every = [
        *policies.base("here"),
        *policies.base("there"),
        *policies.opening("web", "client", HERE),
    ]
    assert not connects(every, pod("client", location="there"), pod("web"))


def test_a_location_in_the_cluster_reaches_its_containers_and_they_do_not_reach_it():
    every = policies.base("here")
    into = of(every, pod("web"), "ingress")
    assert [chosen(peer, LOCATION_POD) for rule in into for peer in rule["from"]] == [True]
    assert not connects([*every, *policies.base("here")], pod("web"), {**pod("x"), **LOCATION_POD})


@pytest.mark.parametrize(
    ("egress", "reached", "refused"),
    [
        ("internet", ["1.1.1.1"], ["10.0.0.1", "169.254.169.254", "168.63.129.16", "127.0.0.1"]),
        ("none", [], ["1.1.1.1", "10.0.0.1"]),
        ("all", ["1.1.1.1", "10.0.0.1", "169.254.169.254"], []),
        (("10.1.0.0/16",), ["10.1.2.3"], ["10.2.0.1", "1.1.1.1"]),
        (("0.0.0.0/0",), ["1.1.1.1", "10.0.0.1"], ["169.254.169.254", "100.100.100.200"]),
    ],
)
def test_each_egress_reaches_what_it_says(egress, reached, refused):
    every = policies.base("here")
    if not isinstance(egress, str):
        every.append(policies.networks("web", egress, HERE))
    web = pod("web", egress)
    assert [address for address in reached if not reaches(every, web, address)] == []
    assert [address for address in refused if reaches(every, web, address)] == []


def test_names_are_those_that_kubernetes_takes():
    every = [*policies.base("l" * 26), *policies.opening("s" * 26, "c" * 26, {LOCATION: "l" * 26})]
    assert all(len(one["metadata"]["name"]) < 253 for one in every)
    assert len({one["metadata"]["name"] for one in every}) == len(every)
