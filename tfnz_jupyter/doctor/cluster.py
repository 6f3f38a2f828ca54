"""What a cluster gives a location, and what our account lacks there; nothing is made in it.

Whether it keeps containers apart can only be found out by trying: a running location does, and tells.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ..errors import Refused, TfnzError
from .report import Check

_GRANT = "tfnz manifest rights --namespace {namespace} --user USER | kubectl apply -f -   (as its administrator)"

#: Without the sight of these, nodes are ranked by what is reserved on them, and snapshots are copies.
_DISPENSABLE = ("metrics.k8s.io", "snapshot.storage.k8s.io", "storage.k8s.io")


async def look(options: Mapping[str, tuple[str, ...]]) -> tuple[Check, ...]:
    """Look at the cluster that a location with these options would use."""
    from ..engines.kubernetes import access, credentials
    from ..engines.kubernetes.api import Api

    def one(name: str) -> str:
        return next(iter(options.get(name, ())), "")

    with TemporaryDirectory(prefix="tfnz-doctor-") as folder:
        load = credentials.loader(
            Path(folder),
            kubeconfig=one("kubeconfig"),
            context=one("context"),
            namespace=one("namespace"),
        )
        api = Api(load)
        try:
            namespace = await api.open()
            version = (await api.get("/version") or {}).get("gitVersion", "")
            found = [Check("cluster", "ok", f"{api.server} answers ({version})")]
            lacking = await access.missing(api, namespace)
            found += _rights(namespace, [(r.group, r.resource, r.verb) for r in lacking])
            found.append(await _storage(api.get))
            found.append(await _statistics(api.get))
            found.append(await _registry(one("registry")))
            if ingress := one("ingress_class"):
                found.append(await _ingress(api.get, ingress))
            return tuple(found)
        except TfnzError as problem:
            return (Check("cluster", "missing", problem.message, problem.hint),)
        finally:
            await api.close()


Get = Callable[[str], Awaitable[dict[str, Any] | None]]


def _rights(namespace: str, lacking: list[tuple[str, str, str]]) -> list[Check]:
    """A check for each kind of thing that our account has not all rights to."""
    if not lacking:
        return [Check("rights", "ok", f"all that a location needs in namespace {namespace}")]
    kinds = [(kind, list(verbs)) for kind, verbs in groupby(lacking, key=lambda one: one[:2])]
    mend = _GRANT.format(namespace=namespace)  # said once, of all of them
    return [
        Check(
            f"right: {resource}{'.' if group else ''}{group}",
            "degraded" if group in _DISPENSABLE else "missing",
            f"our account may not {', '.join(verb for *_, verb in verbs)} them",
            mend if (group, resource) == kinds[-1][0] else "",
        )
        for (group, resource), verbs in kinds
    ]


async def _storage(get: Get) -> Check:
    try:
        found = await get("/apis/storage.k8s.io/v1/storageclasses")
    except Refused:
        return Check(
            "storage", "ok", "our account may not see storage classes: volumes need a default one"
        )
    default = "storageclass.kubernetes.io/is-default-class"
    for one in (found or {}).get("items", ()):
        if one["metadata"].get("annotations", {}).get(default) == "true":
            return Check("storage", "ok", f"volumes are of the class {one['metadata']['name']}")
    return Check("storage", "degraded", "there is no default storage class: volumes stay without a disk",
                 "kubectl annotate storageclass NAME storageclass.kubernetes.io/is-default-class=true")  # fmt: skip


async def _statistics(get: Get) -> Check:
    try:
        found = await get("/apis/metrics.k8s.io/v1beta1/nodes")
    except TfnzError:
        found = None
    if found is not None:
        return Check("statistics", "ok", "the metrics API says how busy nodes are")
    return Check("statistics", "degraded", "without a metrics API nodes are ranked by what is reserved on them",
                 "install metrics-server; or, with its danger: tfnz manifest statistics")  # fmt: skip


async def _registry(registry: str) -> Check:
    from ..engines.kubernetes.registry import Registry

    if not registry:
        why = "nodes fetch images by themselves; those of recipes and of this machine have no way there"
        mend = "--registry HOST:PORT, which the nodes pull from and you may push to"
        return Check("registry", "degraded", why, mend)
    try:
        place = Registry.parse(registry)
        await place.holds(f"{place.place}/tfnz:none")
    except TfnzError as problem:
        return Check("registry", "missing", problem.message, problem.hint or problem.detail)
    return Check("registry", "ok", f"{place.place} answers")


async def _ingress(get: Get, name: str) -> Check:
    try:
        found = await get(f"/apis/networking.k8s.io/v1/ingressclasses/{name}")
    except Refused:
        return Check("ingress", "ok", f"our account may not see whether there is a class {name}")
    if found is not None:
        return Check("ingress", "ok", f"names are published by the class {name}")
    return Check("ingress", "missing", f"the cluster has no ingress class {name}",
                 "kubectl get ingressclasses lists them")  # fmt: skip
