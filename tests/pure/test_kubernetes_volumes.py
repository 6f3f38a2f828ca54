"""Volumes as claims, as text: names, snapshots, mounts, and the Pod that works on one."""

from __future__ import annotations

from tfnz_jupyter.engines.kubernetes import manifest_volumes as manifests

OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "here", "uid": "1"}


def test_a_new_claim_has_the_snapshot_of_its_emptiness():
    assert manifests.snapshots(manifests.claim("v", "here")) == [""]


def test_snapshots_are_told_as_they_were_noted():
    claim = manifests.claim("v", "here")
    claim["metadata"] |= manifests.with_snapshots(["", "b", "a / \u00e9"])["metadata"]
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
