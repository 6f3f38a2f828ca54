"""Who reaches whom, as NetworkPolicies. Pure.

One policy refuses every container of the location everything, in both directions; policies only add to each other, so all
others are leave given: to the internet, to everything, to networks of one's own, and to one other container. A location
that runs in the cluster reaches its containers; one outside comes through the kubelet, which no policy concerns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..addresses import METADATA, NEVER, NOT_PUBLIC
from .labels import CLIENT, CONTAINER, EGRESS, LOCATION, LOCATION_POD, ROLE, SERVER

Json = dict[str, Any]

_EVERYWHERE = "0.0.0.0/0"
#: Cluster DNS as every distribution labels it, and where a node's own cache of it listens.
_RESOLVER: Json = {
    "to": [
        {
            "namespaceSelector": {},
            "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
        },
        {"ipBlock": {"cidr": "169.254.20.10/32"}},
    ],
    "ports": [{"protocol": kind, "port": 53} for kind in ("UDP", "TCP")],
}


def base(location: str) -> list[Json]:
    """What holds for all containers of a location: refusal, and the two kinds of egress that need no addresses of one's own."""
    own = {LOCATION: location}
    refused = {
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": [_pods(LOCATION_POD)]}],
    }
    public = [*map(str, NOT_PUBLIC), *(f"{address}/32" for address in METADATA)]
    internet = {"ipBlock": {"cidr": _EVERYWHERE, "except": public}}
    everything = {"ipBlock": {"cidr": _EVERYWHERE}}
    return [
        _policy("deny", own, own, refused),
        _policy("internet", own, {**own, EGRESS: "internet"}, _egress(_RESOLVER, _to(internet))),
        _policy("all", own, {**own, EGRESS: "all"}, _egress(_RESOLVER, _to(everything))),
    ]


def networks(container: str, allowed: Sequence[str], labels: Mapping[str, str]) -> Json:
    """Leave for a container to reach networks. What no list gives is not in them: see ``wire/egress.py``."""
    blocks = [_block(network) for network in allowed]
    own = {**labels, CONTAINER: container}
    return _policy(container, own, own, _egress(_RESOLVER, _to(*blocks)))


def opening(server: str, client: str, labels: Mapping[str, str]) -> tuple[Json, Json]:
    """Leave for a client to reach a server: the server's policy, and the client's."""
    named = {**labels, SERVER: server, CLIENT: client}
    to, by = {**labels, CONTAINER: server}, {**labels, CONTAINER: client}
    name = f"{server}-{client}"
    enters = {"policyTypes": ["Ingress"], "ingress": [{"from": [_pods(by)]}]}
    return (
        _policy(f"in-{name}", named, to, enters),
        _policy(f"out-{name}", named, by, _egress(_to(_pods(to)))),
    )


def _policy(name: str, labels: Mapping[str, str], chosen: Mapping[str, str], rules: Json) -> Json:
    location = labels[LOCATION]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": f"tfnz-{location}-{name}",
            "labels": {ROLE: "policy", **{k: v for k, v in labels.items() if k != CONTAINER}},
        },
        "spec": {"podSelector": {"matchLabels": dict(chosen)}, **rules},
    }


def _egress(*rules: Json) -> Json:
    return {"policyTypes": ["Egress"], "egress": list(rules)}


def _to(*peers: Json) -> Json:
    return {"to": list(peers)}


def _pods(labels: Mapping[str, str]) -> Json:
    return {"podSelector": {"matchLabels": dict(labels)}}


def _block(network: str) -> Json:
    """A network without what is nobody's and what knows a machine's secrets."""
    from ipaddress import IPv4Network

    wide = IPv4Network(network)
    hidden = [*NEVER, *(IPv4Network(address) for address in METADATA)]
    without = [str(one) for one in hidden if one != wide and one.subnet_of(wide)]
    return {"ipBlock": {"cidr": network, **({"except": without} if without else {})}}
