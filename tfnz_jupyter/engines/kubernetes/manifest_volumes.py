"""Volumes as claims, and the Pod that works on one. Pure.

A claim has ``current``, which containers mount, and ``snapshots``, copies which only the workshop Pod sees. Which snapshots
are whole is said by an annotation of the claim, so that it can be asked without a Pod; another names those of them that are
the cluster's own (``VolumeSnapshot``). One of these comes back on a claim of its own, of which the workshop copies.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .labels import LOCATION, ROLE, VOLUME
from .manifest_hardening import container_security, pod_security

Json = dict[str, Any]

WORKSHOP = "workshop"  # the container, within its Pod
CURRENT = "current"
SNAPSHOTS = "tfnz/snapshots"
CLUSTERS_OWN = "tfnz/volume-snapshots"  # label -> name
_SIZE = "10Gi"
_LONGEST = 3600  # seconds that a forgotten workshop lives
#: Rights to keep owners and modes as they are; no other container's processes are there.
_WORKS_WITH = ("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_MKNOD")


def claim_name(volume: str) -> str:
    return f"tfnz-{volume}"


def claim(volume: str, location: str, storage_class: str = "") -> Json:
    """An empty volume with the snapshot of it like that; of the cluster's default class where none is named."""
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
            **({"storageClassName": storage_class} if storage_class else {}),
        },
    }


def snapshot(name: str, claim: Json, kind: str, owner: Json) -> Json:
    """The wish for a ``VolumeSnapshot`` of a claim."""
    return {
        "apiVersion": "snapshot.storage.k8s.io/v1",
        "kind": "VolumeSnapshot",
        "metadata": {
            "name": name,
            "labels": claim["metadata"]["labels"],
            "ownerReferences": [owner],
        },
        "spec": {
            "volumeSnapshotClassName": kind,
            "source": {"persistentVolumeClaimName": claim["metadata"]["name"]},
        },
    }


def restored(
    name: str, claim: Json, snapshot: str, location: str, owner: Mapping[str, Any]
) -> Json:
    """A claim like another, with what a ``VolumeSnapshot`` of that holds; for a while."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": name,
            "labels": {LOCATION: location, ROLE: "restored"},
            "ownerReferences": [dict(owner)],
        },
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": _SIZE}},
            "storageClassName": claim["spec"]["storageClassName"],
            "dataSource": {
                "apiGroup": "snapshot.storage.k8s.io",
                "kind": "VolumeSnapshot",
                "name": snapshot,
            },
        },
    }


def snapshots(found: Json) -> list[str]:
    """The labels of a claim's snapshots, sorted."""
    said = found["metadata"].get("annotations", {}).get(SNAPSHOTS, "[]")
    return sorted(json.loads(said))


def clusters_own(found: Json) -> dict[str, str]:
    """Those of a claim's snapshots that the cluster has: label -> name."""
    names: dict[str, str] = json.loads(
        found["metadata"].get("annotations", {}).get(CLUSTERS_OWN, "{}")
    )
    return names


def with_snapshots(labels: Iterable[str], own: Mapping[str, str]) -> Json:
    """The patch that says which there are, and which of them the cluster has."""
    said = {SNAPSHOTS: json.dumps(sorted(labels)), CLUSTERS_OWN: json.dumps(own)}
    return {"metadata": {"annotations": said}}


def folder(label: str) -> str:
    """Where a snapshot's copy lies: a name that any label can be made into."""
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


def workshop(
    volume: str, location: str, image: str, node: str, owner: Mapping[str, Any], restored: str = ""
) -> Json:
    """The Pod in which a volume is made and copied; on the node of those who have it, if it has any.

    Args:
        restored: a claim that is to be copied from.
    """
    claims = {"whole": claim_name(volume)} | ({"restored": restored} if restored else {})
    places = {"whole": "/volume", "restored": "/restored"}
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
                {"name": name, "persistentVolumeClaim": {"claimName": found}}
                for name, found in claims.items()
            ],
            "containers": [
                {
                    "name": WORKSHOP,
                    "image": image,
                    "command": ["/bin/busybox", "sleep", str(_LONGEST)],
                    "workingDir": "/volume",
                    "volumeMounts": [{"name": name, "mountPath": places[name]} for name in claims],
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
#: From a claim of its own, in /restored.
RESTORE = """
set -e
[ -d /restored/current ]
find current -mindepth 1 -maxdepth 1 -exec /bin/busybox rm -rf {} +
cp -a /restored/current/. current/
sync
"""
