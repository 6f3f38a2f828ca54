"""A name on the web as the objects that a cluster's controller serves it by."""

from __future__ import annotations

from tfnz_jupyter.engines.kubernetes.labels import CONTAINER
from tfnz_jupyter.engines.kubernetes.manifest_ingress import documents, site_name

BEHIND = {"one": "10.1.0.1", "two": "10.1.0.2"}


def test_a_name_leads_to_every_container_behind_it_on_their_port():
    found = documents("here", "web.example.org", BEHIND, 8080, "nginx")
    subset = found["endpoints"]["subsets"][0]
    assert [one["ip"] for one in subset["addresses"]] == ["10.1.0.1", "10.1.0.2"]
    assert subset["ports"] == [{"name": "http", "port": 8080}]
    assert found["services"]["spec"]["ports"][0]["targetPort"] == 8080
    assert "selector" not in found["services"]["spec"]


def test_the_ingress_is_of_the_class_that_was_named_and_leads_to_the_service():
    found = documents("here", "web.example.org", BEHIND, 80, "nginx")
    spec = found["ingresses"]["spec"]
    assert spec["ingressClassName"] == "nginx"
    assert spec["rules"][0]["host"] == "web.example.org"
    backend = spec["rules"][0]["http"]["paths"][0]["backend"]["service"]
    assert backend["name"] == found["services"]["metadata"]["name"]


def test_visitors_are_let_to_that_port_of_those_containers_alone():
    policy = documents("here", "web.example.org", BEHIND, 80, "nginx")["networkpolicies"]["spec"]
    chosen = policy["podSelector"]["matchExpressions"][0]
    assert (chosen["key"], chosen["values"]) == (CONTAINER, ["one", "two"])
    assert policy["ingress"] == [{"ports": [{"protocol": "TCP", "port": 80}]}]


def test_a_name_with_nobody_behind_it_is_still_there():
    found = documents("here", "web.example.org", {}, 80, "nginx")
    assert found["endpoints"]["subsets"] == []


def test_names_of_any_length_are_names_of_objects():
    assert len(site_name("l" * 26, "a" * 250)) <= 63
