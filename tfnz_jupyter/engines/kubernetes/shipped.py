"""The manifests that an operator applies: the rights of a location's account, and a location that runs in the cluster.

They are files of this package, read as they are, with a namespace and an account put in. What the doctor asks the API server
about is what they grant, and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from string import Template
from typing import Any

from ...errors import UsageError

KINDS = ("rights", "statistics", "location")


@dataclass(frozen=True, slots=True)
class Right:
    """One verb on one kind of thing; in the location's namespace, unless it is the cluster's."""

    group: str
    resource: str  # with its subresource: pods/exec
    verb: str
    everywhere: bool


def text(
    kind: str, *, namespace: str, user: str = "", account: str = "",
    image: str = "", name: str = "cluster", options: Sequence[str] = (),
) -> str:  # fmt: skip
    """A manifest as kubectl applies it.

    Args:
        kind: one of :data:`KINDS`.
        user: whose rights they are to be, as the API server knows people; or
        account: a service account of that namespace.
        image: one that this package and skopeo are installed in.
        name: what invitations call the location.
        options: further ones for ``tfnz serve``.

    Raises:
        UsageError: there is no such manifest; nobody is named.
    """
    if kind not in KINDS:
        raise UsageError(f"there is no manifest {kind!r}", hint=f"There are: {', '.join(KINDS)}.")
    if kind == "location" and not image:
        raise UsageError(
            "a location in the cluster needs an image",
            hint="--image: one that has this package with its extra 'kubernetes', and skopeo.",
        )
    if kind != "location" and not (user or account):
        raise UsageError(
            "whose rights are they to be?", hint="--user NAME, or --account SERVICEACCOUNT."
        )
    subject: dict[str, str]
    if user:
        subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}
    else:
        subject = {"kind": "ServiceAccount", "name": account, "namespace": namespace}
    more = "".join(f", {json.dumps(word)}" for word in options)
    return Template(_read(kind)).substitute(
        namespace=namespace, subject=json.dumps(subject), image=image, name=name, options=more
    )


def rights() -> Iterator[Right]:
    """All that a location needs."""
    import yaml  # type: ignore[import-untyped]  # it has none; kubernetes_asyncio brings it

    for document in yaml.safe_load_all(_read("rights").replace("$subject", "")):
        for rule in document.get("rules", ()):
            yield from _of(rule, everywhere=document["kind"] == "ClusterRole")


def _of(rule: dict[str, Any], *, everywhere: bool) -> Iterator[Right]:
    for group in rule["apiGroups"]:
        for resource in rule["resources"]:
            for verb in rule["verbs"]:
                yield Right(group, resource, verb, everywhere)


def _read(kind: str) -> str:
    return resources.files(__package__).joinpath(f"{kind}.yaml").read_text("utf-8")
