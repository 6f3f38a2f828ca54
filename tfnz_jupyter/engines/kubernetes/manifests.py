"""What the engine asks the cluster for: Pods, and what keeps and collects them. Pure.

A Pod gets what the embedded engine gives a container, and nothing of the cluster: no service account's token, no services'
addresses, no new privileges, the runtime's seccomp profile. It starts as root with few capabilities, for what starts the
command (``init``) must be able to become whoever the image says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..base import ContainerSpec
from ..capabilities import CAPABILITIES
from . import init, manifest_volumes
from .labels import CONTAINER, EGRESS, LOCATION, ROLE, egress_class
from .manifest_hardening import container_security, pod_security

Json = dict[str, Any]

OURS: Mapping[str, str] = {"app.kubernetes.io/managed-by": "tfnz_jupyter"}
#: Inert on the embedded engine, where programs look for it; real here, and it would let a container forge packets.
_NOT_HERE = "CAP_NET_RAW"
_ROOT: Mapping[str, int] = {"runAsUser": 0, "runAsGroup": 0}
_NOBODY = "tfnz-none"  # a scheduler that is not there


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a Pod needs to be told of besides its container."""

    node: str
    image: str  # as the node fetches it
    init_image: str
    memory: int  # bytes: the limit
    location: str
    owner: Mapping[str, Any]  # an ownerReference


def pod(spec: ContainerSpec, around: Surroundings) -> Json:
    """The Pod of a container."""
    volumes, mounts = manifest_volumes.mounts(spec.volumes)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": spec.id,
            "labels": {
                **OURS,
                LOCATION: around.location,
                CONTAINER: spec.id,
                EGRESS: egress_class(spec.egress),
            },
            "annotations": {"tfnz/image": spec.image.reference, "tfnz/name": spec.hostname},
            "ownerReferences": [dict(around.owner)],
        },
        "spec": {
            **pod_security(),
            "hostname": host_name(spec.hostname),
            "restartPolicy": "Always",  # a reset is a restart; who ends unasked is deleted
            "terminationGracePeriodSeconds": 1,
            "affinity": {"nodeAffinity": _only_on(around.node)},
            "initContainers": [_installer(around.init_image)],
            "containers": [_main(spec, around, mounts)],
            "volumes": [init.STORAGE, *volumes],
        },
    }


def _installer(image: str) -> Json:
    return {
        **init.preparing(image),
        "imagePullPolicy": "IfNotPresent",
        "securityContext": {**_ROOT, **container_security(())},
    }


def _main(spec: ContainerSpec, around: Surroundings, mounts: list[Json]) -> Json:
    allowed = [name for name in CAPABILITIES if name != _NOT_HERE]
    return {
        "name": init.MAIN,
        "image": around.image,
        "imagePullPolicy": "IfNotPresent",
        "command": list(init.COMMAND),
        "workingDir": "/",
        "securityContext": {**_ROOT, **container_security(allowed)},
        "resources": _resources(spec, around.memory),
        "volumeMounts": [init.MOUNT, *mounts],
    }


def _resources(spec: ContainerSpec, memory: int) -> Json:
    """Limits as asked for; little is reserved, for ranking by what is really used places containers."""
    limits: Json = {"memory": str(memory)}
    if spec.limits.cpus is not None:
        limits["cpu"] = f"{max(1, round(spec.limits.cpus * 1000))}m"
    return {"limits": limits, "requests": {"cpu": "1m", "memory": str(min(memory, 16 << 20))}}


def _only_on(node: str) -> Json:
    """The scheduler's leave is asked for, as a volume may have to be bound first; the node is ours to choose."""
    there = {"key": "metadata.name", "operator": "In", "values": [node]}
    terms = [{"matchFields": [there]}]
    return {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}


def host_name(name: str) -> str:
    """A name as a host may have it."""
    clean = re.sub(r"[^a-z0-9-]+", "-", name.lower())[:63].strip("-")
    return clean or "container"


def respelt(image: str, digest: str, turn: int) -> str:
    """Another name of the very same image, by which the kubelet takes a container for changed and makes it anew.

    Where a digest is named, a tag says nothing.
    """
    name = image.partition("@")[0]
    start = name.rfind("/") + 1
    return f"{name[:start]}{name[start:].partition(':')[0]}:tfnz-{turn}@{digest}"


# -- what collects ---------------------------------------------------------------------------------------------------


def anchor(location: str) -> Json:
    """What owns everything; whoever deletes it deletes all of that location."""
    labels = {**OURS, LOCATION: location, ROLE: "anchor"}
    return {"metadata": {"name": f"tfnz-{location}", "labels": labels}}


def lease(location: str, deadline: int) -> Json:
    """A Job whose Pod is on no node, and goes at the deadline."""
    labels = {**OURS, LOCATION: location, ROLE: "lease"}
    nothing = {
        "name": "none",
        "image": "none",
        "resources": {"limits": {"cpu": "1m", "memory": "1Mi"}},
        "securityContext": container_security(()),
    }
    template = {
        "metadata": {"labels": labels},
        "spec": {
            **pod_security(),
            "schedulerName": _NOBODY,
            "restartPolicy": "Never",
            "containers": [nothing],
        },
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"generateName": f"tfnz-{location}-", "labels": labels},
        "spec": {
            "activeDeadlineSeconds": deadline,
            "backoffLimit": 0,
            "ttlSecondsAfterFinished": 0,
            "template": template,
        },
    }


def reference(found: Mapping[str, Any], version: str, kind: str) -> Json:
    """The ownerReference to an object."""
    named = {key: found["metadata"][key] for key in ("name", "uid")}
    return {"apiVersion": version, "kind": kind, **named}


def owned_by(owner: Mapping[str, Any]) -> Json:
    """A patch: whose end is an object's end."""
    return {"metadata": {"ownerReferences": [dict(owner)]}}
