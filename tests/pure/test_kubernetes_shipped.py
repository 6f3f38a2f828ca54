"""The manifests that are shipped: whole, for whom they are asked; the doctor asks about what they grant."""

from __future__ import annotations

import pytest
import yaml

from tfnz_jupyter.cli.main import main
from tfnz_jupyter.engines.kubernetes import shipped
from tfnz_jupyter.engines.kubernetes.shipped import Right
from tfnz_jupyter.errors import UsageError


def documents(kind: str, **words: str) -> list[dict]:
    return list(yaml.safe_load_all(shipped.text(kind, namespace="lab", **words)))


def test_rights_are_given_to_who_was_named_and_in_one_namespace():
    found = documents("rights", user="ada")
    assert [one["kind"] for one in found] == [
        "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding",
    ]  # fmt: skip
    assert [one["metadata"].get("namespace") for one in found] == ["lab", "lab", None, None]
    assert {one["subjects"][0]["name"] for one in found if "subjects" in one} == {"ada"}


def test_a_service_account_is_one_of_that_namespace():
    subject = documents("rights", account="tfnz")[1]["subjects"][0]
    assert subject == {"kind": "ServiceAccount", "name": "tfnz", "namespace": "lab"}


def test_what_the_doctor_asks_about_is_what_the_manifest_grants():
    every = set(shipped.rights())
    assert Right("", "pods/exec", "get", everywhere=False) in every
    assert Right("", "nodes", "watch", everywhere=True) in every
    assert not [right for right in every if right.resource in ("secrets", "nodes/proxy", "*")]


def test_the_kubelets_own_interface_is_a_role_apart_and_its_danger_is_told():
    assert "nodes/proxy" not in shipped.text("rights", namespace="lab", user="ada")
    assert "DANGER" in shipped.text("statistics", namespace="lab", user="ada")


def test_a_location_in_the_cluster_has_an_account_a_disk_and_a_name():
    account, claim, deployment, service = documents("location", image="lab/tfnz:1")
    pod = deployment["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == account["metadata"]["name"]
    assert pod["volumes"][0]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert "tfnz-location.lab:2020" in pod["containers"][0]["command"]
    assert service["spec"]["ports"] == [{"port": 2020}]


@pytest.mark.parametrize(
    ("kind", "words"), [("rights", {}), ("location", {}), ("secrets", {"user": "ada"})]
)
def test_what_lacks_a_word_is_refused(kind, words):
    with pytest.raises(UsageError):
        shipped.text(kind, namespace="lab", **words)


def test_the_shell_prints_them(capsys):
    assert main(["manifest", "rights", "--namespace", "lab", "--user", "ada"]) == 0
    assert next(yaml.safe_load_all(capsys.readouterr().out))["kind"] == "Role"
