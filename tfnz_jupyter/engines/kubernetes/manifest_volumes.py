"""Volumes as claims, and the Pod that works on one. Pure.

A claim has ``current``, which containers mount, and ``snapshots``, which only the workshop Pod sees. Which snapshots are
whole is said by an annotation of the claim, so that it can be asked without a Pod.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from .labels import LOCATION, ROLE, VOLUME
from .manifest_hardening import container_security, pod_security

Json = dict[str, Any]

WORKSHOP = "workshop"  # the container, within its Pod
CURRENT = "current"
SNAPSHOTS = "tfnz/snapshots"
_SIZE = "10Gi"
_LONGEST = 3600  # seconds that a forgotten workshop lives
#: Rights to keep owners and modes as they are; no other container's processes are there.
_WORKS_WITH = ("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_MKNOD")


def claim_name(volume: str) -> str:
    return f"tfnz-{volume}"


def claim(volume: str, location: str) -> Json:
    """An empty volume with the snapshot of it like that."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": claim_name(volume),
            "labels": {LOCATION: location, VOLUME: volume},
            "annotations": {SNAPSHOTS: json.dumps([""])},
        },
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": _SIZE}},
        },
    }


def snapshots(found: Json) -> list[str]:
    """The labels of a claim's snapshots, sorted."""
    said = found["metadata"].get("annotations", {}).get(SNAPSHOTS, "[]")
    return sorted(json.loads(said))


def with_snapshots(labels: Sequence[str]) -> Json:
    """The patch that says which there are."""
    return {"metadata": {"annotations": {SNAPSHOTS: json.dumps(sorted(labels))}}}


def folder(label: str) -> str:
    """Where a snapshot lies: a name that any label can be made into."""
    return "s" + base64.b32encode(label.encode()).decode().lower().rstrip("=")


def mounts(volumes: Sequence[tuple[str, str]]) -> tuple[list[Json], list[Json]]:
    """A Pod's ``volumes``, and its container's ``volumeMounts``, for these (id, place)."""
    names = {volume: f"volume-{number}" for number, (volume, _) in enumerate(volumes)}
    claims = [
        {"name": name, "persistentVolumeClaim": {"claimName": claim_name(volume)}}
        for volume, name in names.items()
    ]
    places = [
        {"name": names[volume], "mountPath": place, "subPath": CURRENT} for volume, place in volumes
    ]
    return claims, places


def workshop(volume: str, location: str, image: str, node: str, owner: Mapping[str, Any]) -> Json:
    """The Pod in which a volume is made and copied; on the node of those who have it, if it has any."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"tfnz-workshop-{volume}",
            "labels": {LOCATION: location, VOLUME: volume, ROLE: "workshop"},
            "ownerReferences": [dict(owner)],
        },
        "spec": {
            **pod_security(),
            "restartPolicy": "Never",
            "activeDeadlineSeconds": _LONGEST,
            "terminationGracePeriodSeconds": 0,
            "affinity": _only(node) if node else {},
            "volumes": [
                {"name": "whole", "persistentVolumeClaim": {"claimName": claim_name(volume)}}
            ],
            "containers": [
                {
                    "name": WORKSHOP,
                    "image": image,
                    "command": ["/bin/busybox", "sleep", str(_LONGEST)],
                    "workingDir": "/volume",
                    "volumeMounts": [{"name": "whole", "mountPath": "/volume"}],
                    "securityContext": container_security(_WORKS_WITH),
                }
            ],
        },
    }


def _only(node: str) -> Json:
    """The scheduler's leave for one node alone: it also has the claim bound to a disk there."""
    fields = [{"key": "metadata.name", "operator": "In", "values": [node]}]
    terms = {"nodeSelectorTerms": [{"matchFields": fields}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}


#: What the workshop runs, in /volume; ``$1`` is a snapshot's folder.
MAKE = "mkdir -p current snapshots && chmod 755 current && chown 0:0 current && sync"
KEEP = """
set -e
rm -rf "snapshots/$1.new"
cp -a current "snapshots/$1.new"
rm -rf "snapshots/$1.old"
if [ -e "snapshots/$1" ]; then mv "snapshots/$1" "snapshots/$1.old"; fi
mv "snapshots/$1.new" "snapshots/$1"
sync
rm -rf "snapshots/$1.old"
"""
BRING_BACK = """
set -e
find current -mindepth 1 -maxdepth 1 -exec /bin/busybox rm -rf {} +
if [ -d "snapshots/$1" ]; then
    cp -a "snapshots/$1/." current/
else
    chmod 755 current
    chown 0:0 current
fi
sync
"""
