"""Volumes as claims, as text: names, snapshots, mounts, and the Pod that works on one."""

from __future__ import annotations

from typing import Any

import pytest

from tfnz_jupyter.engines.kubernetes import access, snapshots
from tfnz_jupyter.engines.kubernetes import manifest_volumes as manifests
from tfnz_jupyter.errors import Refused

OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "here", "uid": "1"}


def test_a_new_claim_has_the_snapshot_of_its_emptiness():
    assert manifests.snapshots(manifests.claim("v", "here")) == [""]


def test_snapshots_are_told_as_they_were_noted():
    claim = manifests.claim("v", "here")
    claim["metadata"] |= manifests.with_snapshots(["", "b", "a / \u00e9"], {"b": "x"})["metadata"]
    assert manifests.snapshots(claim) == ["", "a / \u00e9", "b"]


def test_any_label_is_a_folder_of_its_own():
    labels = ["", "a", "A", "../..", "a/b", "\u00e9", "-rf", " "]
    folders = {manifests.folder(label) for label in labels}
    assert len(folders) == len(labels)
    assert all(one.isalnum() for one in folders)


def test_containers_see_the_volume_and_not_its_snapshots():
    claims, places = manifests.mounts([("one", "/a"), ("two", "/b")])
    assert [one["persistentVolumeClaim"]["claimName"] for one in claims] == ["tfnz-one", "tfnz-two"]
    assert {one["subPath"] for one in places} == {"current"}
    assert [one["mountPath"] for one in places] == ["/a", "/b"]


def test_a_volume_at_two_places_is_one_claim():
    claims, places = manifests.mounts([("one", "/a"), ("one", "/b")])
    assert len(claims) == 1
    assert {one["name"] for one in places} == {claims[0]["name"]}


def test_the_workshop_is_where_the_volume_is_and_has_no_account():
    spec = manifests.workshop("v", "here", "busybox", "tk-b", OWNER)["spec"]
    assert "tk-b" in str(spec["affinity"])
    assert spec["automountServiceAccountToken"] is False
    security = spec["containers"][0]["securityContext"]
    assert not security["allowPrivilegeEscalation"]
    assert "CHOWN" in security["capabilities"]["add"]


def test_what_the_cluster_holds_of_a_volume_comes_back_on_a_claim_of_its_own():
    claim = manifests.claim("v", "here", "fast") | {"metadata": {"name": "tfnz-v"}}
    wish = manifests.restored("again", claim, "snap", "here", OWNER)
    assert wish["spec"]["storageClassName"] == "fast"
    assert wish["spec"]["dataSource"]["name"] == "snap"
    assert wish["metadata"]["ownerReferences"] == [OWNER]
    spec = manifests.workshop("v", "here", "busybox", "", OWNER, "again")["spec"]
    assert [one["mountPath"] for one in spec["containers"][0]["volumeMounts"]] == [
        "/volume",
        "/restored",
    ]


class Answers:
    """What an API server says to ``get``: by path; other objects are not there."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self._answers = answers

    async def get(self, path: str) -> Any:
        found = self._answers.get(path)
        if isinstance(found, Exception):
            raise found
        return found


CLASSES = "/apis/snapshot.storage.k8s.io/v1/volumesnapshotclasses"


def kind(name: str, driver: str, default: str = "false") -> dict[str, Any]:
    metadata = {"name": name, "annotations": {snapshots._DEFAULT: default}}
    return {"metadata": metadata, "driver": driver}


@pytest.mark.parametrize(
    ("classes", "found"),
    [
        ({"items": [kind("a", "d"), kind("b", "d", "true"), kind("c", "e", "true")]}, "b"),
        ({"items": [kind("c", "e", "true")]}, ""),
        (Refused("no"), ""),
        (None, ""),
    ],
)
async def test_the_cluster_makes_snapshots_where_the_driver_has_a_class_for_them(classes, found):
    storage = {"/apis/storage.k8s.io/v1/storageclasses/fast": {"provisioner": "d"}}
    api = Answers({**storage, CLASSES: classes})
    claim = manifests.claim("v", "here", "fast")
    assert await snapshots.ClusterSnapshots(api, "lab").kind(claim) == found


class Denies(Answers):
    """One at which we have no right at all."""

    async def create(self, _path: str, _body: Any) -> Any:
        return {"status": {"allowed": False}}


@pytest.mark.parametrize(
    ("classes", "asked"),
    [({"items": [kind("a", "d")]}, True), ({"items": []}, False), (None, False)],
)
async def test_rights_to_snapshots_are_asked_about_where_there_are_any(classes, asked):
    lacking = await access.missing(Denies({CLASSES: classes}), "lab")
    assert any(right.group in access.OF_SNAPSHOTS for right in lacking) == asked
