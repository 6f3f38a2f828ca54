"""What our account may do, asked of the API server itself: for each right that a location needs, whether it is there."""

from __future__ import annotations

import asyncio

from ...errors import Refused
from .api import Api, Json
from .shipped import Right, rights

#: The groups of what only the cluster's own snapshots need.
OF_SNAPSHOTS = ("snapshot.storage.k8s.io", "storage.k8s.io")
_PATH = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


async def missing(api: Api, namespace: str) -> list[Right]:
    """The rights that a location needs and our account has not. Raises as requests do."""
    unneeded = () if await _has_snapshots(api) else OF_SNAPSHOTS
    wanted = [right for right in rights() if right.group not in unneeded]
    held = await asyncio.gather(*(_has(api, namespace, right) for right in wanted))
    return [right for right, has in zip(wanted, held, strict=True) if not has]


async def _has_snapshots(api: Api) -> bool:
    """Whether the cluster knows what a VolumeSnapshot is, and has a class of them."""
    try:
        found = await api.get(f"/apis/{OF_SNAPSHOTS[0]}/v1/volumesnapshotclasses")
    except Refused:
        return True
    return bool(found and found["items"])


async def _has(api: Api, namespace: str, right: Right) -> bool:
    resource, _, subresource = right.resource.partition("/")
    asked: Json = {
        "group": right.group,
        "resource": resource,
        "subresource": subresource,
        "verb": right.verb,
        **({} if right.everywhere else {"namespace": namespace}),
    }
    answer = await api.create(
        _PATH,
        {
            "kind": "SelfSubjectAccessReview",
            "apiVersion": "authorization.k8s.io/v1",
            "spec": {"resourceAttributes": asked},
        },
    )
    return bool(answer and answer["status"]["allowed"])
