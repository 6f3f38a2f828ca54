"""The two Pods that find out whether the cluster heeds NetworkPolicies: one listens, one knocks. Pure.

Both are the location's, so its policy refuses everything to and from them. The one that listens is ready when its own node
hears it, which no policy concerns; the other then knocks for as long as a plugin may need to take note of a new Pod.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .labels import EGRESS, LOCATION, ROLE
from .manifest_hardening import container_security, pod_security

Json = dict[str, Any]

PORT = 7777
_LONGEST = 120  # seconds
#: Five times heard, a second apart: nobody keeps it from being. Twice in a row not: somebody does.
_KNOCK = """
heard=0 missed=0
while [ $heard -lt 5 ]; do
    if nc -w 2 "$1" "$2" </dev/null >/dev/null 2>&1; then heard=$((heard + 1)) missed=0; else missed=$((missed + 1)); fi
    [ $missed -ge 2 ] && exit 3
    sleep 1
done
"""
REFUSED = 3  # its exit code


def listener(location: str, image: str, owner: Mapping[str, Any]) -> Json:
    """Listens, and is ready when it does."""
    ready = {"tcpSocket": {"port": PORT}, "periodSeconds": 1}
    argv = ("httpd", "-f", "-p", str(PORT), "-h", "/")
    return _pod("listens", location, image, owner, argv, {"readinessProbe": ready})


def knocker(location: str, image: str, owner: Mapping[str, Any], address: str) -> Json:
    """Ends with :data:`REFUSED` where it is not let through, with 0 where it is."""
    return _pod(
        "knocks", location, image, owner, ("sh", "-c", _KNOCK, "sh", address, str(PORT)), {}
    )


def _pod(
    name: str, location: str, image: str, owner: Mapping[str, Any], argv: Sequence[str], more: Json
) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"tfnz-{location}-{name}",
            "labels": {LOCATION: location, ROLE: "probe", EGRESS: "none"},
            "ownerReferences": [dict(owner)],
        },
        "spec": {
            **pod_security(),
            "restartPolicy": "Never",
            "activeDeadlineSeconds": _LONGEST,
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {
                    "name": name,
                    "image": image,
                    "command": ["/bin/busybox", *argv],
                    "securityContext": container_security(()),
                    **more,
                }
            ],
        },
    }
