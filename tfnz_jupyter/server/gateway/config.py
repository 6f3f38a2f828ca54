"""What Caddy is told, as the whole configuration of its admin interface (JSON). Pure.

What is not reachable is noticed by the visitor's own request: it is sent on to the next container, and the one that failed
is left out for a moment. So the end of a container loses no request, and needs no change here to be noticed; changes are
rare, since each ends the web sockets that are open. Where the user names a path to ask (``health``), Caddy asks it by
itself, which also finds what accepts and never answers. https://caddyserver.com/docs/json/
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .sites import Cluster, Site, Sites

ADMIN, HTTP, HTTPS = "admin.sock", "http.sock", "https.sock"
#: What the names of the sockets end in by which it reaches containers whose addresses it cannot.
WAY = ".way"
#: The Host of requests to the admin interface.
ORIGIN = "location"
#: The name Caddy knows the location's own authority by.
AUTHORITY = "local"

#: A container that failed is left out for this long; a request tries for that long to find one that does not.
_LEFT_OUT, _PATIENCE, _PAUSE = "5s", "5s", "20ms"
_CONNECT, _ASK_EVERY, _ASK_PATIENCE = "1s", "2s", "3s"
_LAST_REQUESTS = "10s"  # what is under way when the configuration changes gets this long
#: Turns are given out in a row no longer than this for one container.
_MOST_TURNS = 10

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where one container is reached, and how strong its node is."""

    ip: str  # "" where that is by a way: see :func:`way`
    weight: int = 1


def empty() -> Json:
    """For the start: nothing is served."""
    return {"admin": _admin()}


def config(sites: Sites, upstreams: Mapping[str, Upstream], https: int, owner: str) -> Json:
    """All of it.

    Args:
        upstreams: of every container that can be reached, by id.
        https: the port visitors reach https on.
        owner: whose authority it is, in words.
    """
    every = [site for _name, site in sorted(sites.by_name.items())]
    secure = [_route(site, sites.clusters[site.cluster], upstreams) for site in every]
    plain = [
        route if site.tls == "both" else _redirect(site.fqdn, https)
        for site, route in zip(every, secure, strict=True)
    ]
    servers = {"http": _server(HTTP, plain), "https": _server(HTTPS, secure)}
    servers["https"]["tls_connection_policies"] = [{}]
    return empty() | {
        "storage": {"module": "file_system", "root": "."},
        "apps": {
            "http": {"grace_period": _LAST_REQUESTS, "servers": servers},
            "tls": _tls(every),
            "pki": {"certificate_authorities": {AUTHORITY: _authority(owner)}},
        },
    }


def way(cluster: Cluster, container: str) -> str:
    """The name of the socket by which one container of a cluster is reached, where its address is not."""
    both = f"{cluster.id} {container}".encode()
    return hashlib.sha256(both).hexdigest()[:20] + WAY


def turns(weights: list[int]) -> list[int]:
    """Indices in the order of one round: each as often as its weight says, and spread."""
    if not weights:
        return []
    top = max(max(weights), 1)
    scaled = [max(1, round(weight * _MOST_TURNS / top)) for weight in weights]
    divisor = math.gcd(*scaled)
    counts = [count // divisor for count in scaled]
    credit = [0] * len(counts)
    order = []
    for _ in range(sum(counts)):
        credit = [have + count for have, count in zip(credit, counts, strict=True)]
        best = max(range(len(counts)), key=lambda i: (credit[i], -i))
        credit[best] -= sum(counts)
        order.append(best)
    return order


def _admin() -> Json:
    return {"listen": f"unix/{ADMIN}", "origins": [ORIGIN], "config": {"persist": False}}


def _server(socket: str, routes: list[Json]) -> Json:
    return {
        "listen": [f"unix/{socket}"],
        "automatic_https": {"disable": True},
        "routes": [*routes, _nobody()],
    }


def _nobody() -> Json:
    body = "Nobody is published under {http.request.host} here.\n"
    return {"handle": [{"handler": "static_response", "status_code": 404, "body": body}]}


def _redirect(fqdn: str, https: int) -> Json:
    port = "" if https == 443 else f":{https}"
    location = f"https://{fqdn}{port}{{http.request.uri}}"
    answer = {"handler": "static_response", "status_code": 308, "headers": {"Location": [location]}}
    return {"match": [{"host": [fqdn]}], "handle": [answer], "terminal": True}


def _route(site: Site, cluster: Cluster, upstreams: Mapping[str, Upstream]) -> Json:
    there = [key for key in cluster.containers if key in upstreams]
    order = turns([upstreams[key].weight for key in there])
    dials = [_dial(cluster, there[index], upstreams[there[index]].ip) for index in order]
    handle = _proxy(cluster, dials) if dials else _empty(site)
    return {"match": [{"host": [site.fqdn]}], "handle": [handle], "terminal": True}


def _dial(cluster: Cluster, container: str, ip: str) -> str:
    return f"{ip}:{cluster.port}" if ip else f"unix/{way(cluster, container)}"


def _empty(site: Site) -> Json:
    body = f"No container is behind {site.fqdn} at the moment.\n"
    return {"handler": "static_response", "status_code": 503, "body": body}


def _proxy(cluster: Cluster, dials: list[str]) -> Json:
    checks: Json = {}
    if len(set(dials)) > 1:  # the only one is never left out: it is tried until it is there again
        checks["passive"] = {"fail_duration": _LEFT_OUT, "max_fails": 1}
    if cluster.health:
        checks["active"] = {"uri": cluster.health, "interval": _ASK_EVERY, "timeout": _ASK_PATIENCE}
        if cluster.rewrite:
            checks["active"]["headers"] = {"Host": [cluster.rewrite]}
    return {
        "handler": "reverse_proxy",
        "upstreams": [{"dial": dial} for dial in dials],
        "load_balancing": {
            "selection_policy": {"policy": "round_robin"},
            "try_duration": _PATIENCE,
            "try_interval": _PAUSE,
        },
        "health_checks": checks,
        "headers": {"request": _headers(cluster.rewrite)},
        "transport": {"protocol": "http", "dial_timeout": _CONNECT},
    }


def _headers(rewrite: str) -> Json:
    """What containers are told of their visitor, whatever the visitor says of itself.

    The visitor's address is the name of the socket the request came through: see ``doors``.
    """
    told = {
        "X-Forwarded-For": ["{http.request.remote.host}"],
        "X-Forwarded-Host": ["{http.request.hostport}"],
        "X-Forwarded-Proto": ["{http.request.scheme}"],
    }
    cleaned = {"X-Forwarded-For": [{"search_regexp": "^@([^#]*).*$", "replace": "$1"}]}
    if rewrite:
        told["Host"] = [rewrite]
    return {"set": told, "replace": cleaned}


def _tls(sites: list[Site]) -> Json:
    issued = [site.fqdn for site in sites if site.tls != "given"]
    given = [site for site in sites if site.tls == "given"]
    return {
        "certificates": {
            "automate": issued,
            "load_pem": [{"certificate": site.certificate, "key": site.key} for site in given],
        },
        "automation": {"policies": [{"issuers": [{"module": "internal", "ca": AUTHORITY}]}]},
    }


def _authority(owner: str) -> Json:
    return {"name": owner, "root_common_name": owner, "install_trust": False}
