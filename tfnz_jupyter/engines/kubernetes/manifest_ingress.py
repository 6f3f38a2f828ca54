"""A name on the web by the cluster's own controller: an Ingress, a Service, and the addresses of the Pods behind it. Pure.

The Service chooses no Pods by labels: which containers stand behind a name is the location's to say, and changes. A policy
lets everybody to that port of theirs, for nobody knows here where the controller runs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from .labels import CONTAINER, LOCATION, ROLE

Json = dict[str, Any]

SITE = "tfnz/site"


def site_name(location: str, fqdn: str) -> str:
    """What all objects of a name are called."""
    return f"tfnz-{location}-{hashlib.sha256(fqdn.encode()).hexdigest()[:10]}"


def documents(
    location: str, fqdn: str, behind: Mapping[str, str], port: int, controller: str
) -> dict[str, Json]:
    """What is needed for a name, by the kind in paths. ``behind``: the containers and their addresses."""
    name = site_name(location, fqdn)
    metadata = {
        "name": name,
        "labels": {LOCATION: location, ROLE: "site"},
        "annotations": {SITE: fqdn},
    }
    return {
        "services": {
            "metadata": metadata,
            "spec": {"ports": [{"name": "http", "port": 80, "targetPort": port}]},
        },
        "endpoints": {
            "metadata": metadata,
            "subsets": _subsets(sorted(behind.values()), port),
        },
        "networkpolicies": {
            "metadata": metadata,
            "spec": {
                "podSelector": {
                    "matchExpressions": [
                        {"key": CONTAINER, "operator": "In", "values": sorted(behind) or ["none"]}
                    ]
                },
                "policyTypes": ["Ingress"],
                "ingress": [{"ports": [{"protocol": "TCP", "port": port}]}],
            },
        },
        "ingresses": {
            "metadata": metadata,
            "spec": {"ingressClassName": controller, "rules": [_rule(fqdn, name)]},
        },
    }


def _subsets(addresses: Sequence[str], port: int) -> list[Json]:
    if not addresses:
        return []
    ports = [{"name": "http", "port": port}]
    return [{"addresses": [{"ip": one} for one in addresses], "ports": ports}]


def _rule(fqdn: str, service: str) -> Json:
    backend = {"service": {"name": service, "port": {"name": "http"}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    return {"host": fqdn, "http": {"paths": [path]}}
