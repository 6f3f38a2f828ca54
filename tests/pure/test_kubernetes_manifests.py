"""What the engine asks a cluster for."""

from __future__ import annotations

from typing import Any

import pytest

from tfnz_jupyter.engines.base import ContainerSpec, ImageInfo, Limits
from tfnz_jupyter.engines.capabilities import CAPABILITIES
from tfnz_jupyter.engines.kubernetes import limits, manifests, quantities
from tfnz_jupyter.errors import NotSupported

IMAGE = ImageInfo("tiny", "sha256:0", ())
OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "tfnz-here", "uid": "7"}
DIGEST = "sha256:" + "0" * 64


def made(**facts: Any) -> dict[str, Any]:
    """The Pod of a container like that."""
    facts = {"argv": ("true",), "env": (), "cwd": "/", "user": "", "hostname": "Web_1."} | facts
    spec = ContainerSpec(id="c1", image=IMAGE, **facts)
    around = manifests.Surroundings("node-1", f"r/tfnz@{DIGEST}", "init", 64 << 20, "here", OWNER)
    return manifests.pod(spec, around)


def test_a_pod_gets_nothing_of_the_cluster_and_no_new_rights():
    spec = made()["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in spec["initContainers"] + spec["containers"]:
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["privileged"] is False
        assert container["securityContext"]["capabilities"]["drop"] == ["ALL"]


def test_its_capabilities_are_those_of_every_engine_but_what_would_forge_packets():
    (main,) = made()["spec"]["containers"]
    added = {f"CAP_{name}" for name in main["securityContext"]["capabilities"]["add"]}
    assert added == set(CAPABILITIES) - {"CAP_NET_RAW"}
    (tools,) = made()["spec"]["initContainers"]
    assert tools["securityContext"]["capabilities"]["add"] == []


def test_no_word_of_the_users_is_in_it():
    pod = made(argv=("/secret/command",), env=(("TOKEN", "secret"),), files=(("/f", b"secret"),))
    assert "secret" not in repr(pod)


def test_it_is_owned_labelled_and_on_its_node():
    pod = made(egress="none")
    assert pod["metadata"]["ownerReferences"] == [OWNER]
    assert pod["metadata"]["labels"]["tfnz/location"] == "here"
    assert pod["metadata"]["labels"]["tfnz/egress"] == "none"
    affinity = pod["spec"]["affinity"]["nodeAffinity"]
    (terms,) = affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert terms["matchFields"] == [
        {"key": "metadata.name", "operator": "In", "values": ["node-1"]}
    ]


def test_limits_are_as_asked_and_little_is_reserved():
    (main,) = made(limits=Limits(cpus=0.25))["spec"]["containers"]
    assert main["resources"] == {
        "limits": {"memory": str(64 << 20), "cpu": "250m"},
        "requests": {"cpu": "1m", "memory": str(16 << 20)},
    }


@pytest.mark.parametrize(
    ("name", "host"), [("web-2", "web-2"), ("Web_1.", "web-1"), ("..", "container"), ("x" * 80, "x" * 63)]
)  # fmt: skip
def test_any_name_becomes_one_that_a_host_may_have(name: str, host: str):
    assert manifests.host_name(name) == host


@pytest.mark.parametrize("name", ["r/tfnz", "r:5000/tfnz", "r:5000/a/tfnz:tag", "nginx"])
def test_an_image_has_any_number_of_names(name: str):
    plain = name.removesuffix(":tag")
    for image in (name, f"{name}@{DIGEST}"):
        assert manifests.respelt(image, DIGEST, 3) == f"{plain}:tfnz-3@{DIGEST}"


def test_a_lease_costs_no_node_and_ends_by_itself():
    lease = manifests.lease("here", 60)
    assert lease["spec"]["activeDeadlineSeconds"] == 60
    assert lease["spec"]["template"]["spec"]["schedulerName"] == "tfnz-none"


@pytest.mark.parametrize("asked", [Limits(pids=5), Limits(disk=1 << 20)])
def test_what_no_pod_can_be_limited_in_is_refused(asked: Limits):
    with pytest.raises(NotSupported, match="on Kubernetes"):
        limits.check(asked)


@pytest.mark.parametrize(
    ("text", "value"),
    [("2", 2), ("250m", 0.25), ("1Gi", 1 << 30), ("24684092Ki", 24684092 << 10), ("1e3", 1000), ("3k", 3000), ("5n", 5e-9)],
)  # fmt: skip
def test_quantities_have_suffixes(text: str, value: float):
    assert quantities.number(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "Ki", "1 Gi", "1X", "1mi"])
def test_what_is_no_quantity_is_refused(text: str):
    with pytest.raises(ValueError, match="no quantity"):
        quantities.number(text)


def test_a_pod_reserves_what_runs_at_once():
    def container(cpu: str, memory: str) -> dict[str, Any]:
        return {"resources": {"requests": {"cpu": cpu, "memory": memory}}}

    spec = {
        "initContainers": [container("2", "1Mi"), container("1", "1Mi")],
        "containers": [container("500m", "1Mi"), container("500m", "2Mi"), {}],
    }
    assert quantities.requests(spec) == (2, 3 << 20)
