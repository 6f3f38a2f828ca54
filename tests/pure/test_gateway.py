"""The web gateway's decisions: who has which name, and what Caddy is told."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfnz_jupyter.errors import NotFound, NotSupported, Refused, UsageError
from tfnz_jupyter.server.gateway import caddy
from tfnz_jupyter.server.gateway.config import Upstream, config, turns
from tfnz_jupyter.server.gateway.sites import Sites, Web, checked_name
from tfnz_jupyter.wire.messages import Publish

NO_NAMES = ["notlocalhost", "notexample.com", "com", "localhost.", ".localhost", "a..localhost", ""]
NO_NAMES += ["a b.localhost", "-a.localhost", "a_.localhost", "{x}.localhost"]
NO_NAMES += ["x" * 64 + ".localhost", "a." * 125 + "localhost"]
DOMAINS = ("localhost", "example.com")


def published(fqdn="web.localhost", *, sites=None, session="s1", cluster="c1", **wish):
    wish = {"containers": ["one", "two"]} | wish
    return (sites or Sites()).published("alice", session, Publish(cluster, fqdn, **wish), DOMAINS)


def told(sites, upstreams=None, https=443):
    """The servers' routes of a configuration, by server."""
    servers = config(sites, upstreams or {}, https, "ours")["apps"]["http"]["servers"]
    return {name: server["routes"] for name, server in servers.items()}


@pytest.mark.parametrize(
    "fqdn", ["localhost", "a.localhost", "A.B.Example.COM", "x" * 63 + ".localhost"]
)
def test_a_name_is_a_domain_or_below_one(fqdn):
    assert checked_name(fqdn, DOMAINS) == fqdn.lower()


@pytest.mark.parametrize("fqdn", NO_NAMES)
def test_what_is_not_is_refused(fqdn):
    with pytest.raises(UsageError):
        checked_name(fqdn, DOMAINS)


def test_a_name_is_one_sessions_until_that_is_over():
    sites = published()
    with pytest.raises(Refused, match="taken"):
        published(sites=sites, session="s2", cluster="c2")
    with pytest.raises(UsageError, match="another cluster"):
        published(sites=sites, cluster="c2")
    sites = published(sites=sites.left("s1"), session="s2", cluster="c2")
    assert sites.by_name["web.localhost"].cluster == "c2"


def test_a_cluster_is_only_its_own_sessions_to_change():
    sites = published()
    with pytest.raises(NotFound):
        sites.changed("s2", "c1", [])
    with pytest.raises(NotFound):
        published("b.localhost", sites=sites, session="s2")
    assert sites.unpublished("s2", "c1") == sites
    assert sites.unpublished("s1", "c1") == Sites()


def test_a_container_that_ends_leaves_every_cluster_and_the_names_stay():
    sites = published("b.localhost", sites=published(), cluster="c2", containers=["two", "two"])
    rest = sites.ended("two")
    assert [cluster.containers for cluster in rest.clusters.values()] == [("one",), ()]
    assert rest.by_name == sites.by_name
    assert sites.ended("three") == sites


def test_a_user_is_told_of_all_sessions_of_hers_and_of_nobody_elses():
    sites = published("b.localhost", sites=published(), session="s2", cluster="c2")
    assert [site.fqdn for site in sites.of_user("alice")] == ["b.localhost", "web.localhost"]
    assert sites.of_user("bob") == []


@pytest.mark.parametrize("rewrite", ["{env.HOME}", "a b", "a\r\nB: c", "a:port", "x" * 300])
def test_a_rewritten_host_is_a_host(rewrite):
    with pytest.raises(UsageError):
        published(rewrite=rewrite)


@pytest.mark.parametrize("health", ["healthy", "/{file./etc/passwd}", "/a b", "/\n"])
def test_a_health_path_is_a_path(health):
    with pytest.raises(UsageError):
        published(health=health)


def test_keys_are_not_shown_by_accident():
    wish = {"tls": "given", "certificate": b"cert", "key": b"secret"}
    assert "secret" not in repr(published(**wish))


@given(st.lists(st.integers(1, 400), min_size=1, max_size=12))
def test_turns_are_given_out_by_weight_and_everybody_gets_one(weights):
    order = turns(weights)
    count = Counter(order)
    assert set(count) == set(range(len(weights)))
    assert len(order) <= 10 * len(weights)
    heaviest = max(weights)
    for index, weight in enumerate(weights):
        share = count[index] / max(count.values())
        assert abs(share - max(weight / heaviest, 0.1)) <= 0.1


def test_equals_take_turns_one_by_one():
    assert turns([17, 17, 17]) == [0, 1, 2]
    assert turns([20, 10]) == [0, 1, 0]


def test_only_what_can_be_reached_gets_visitors_and_the_last_one_is_never_left_out():
    sites = published(port=8000)
    both = {"one": Upstream("10.0.0.1"), "two": Upstream("10.0.0.2")}
    (proxy,) = told(sites, both)["http"][0]["handle"]
    assert [one["dial"] for one in proxy["upstreams"]] == ["10.0.0.1:8000", "10.0.0.2:8000"]
    assert "passive" in proxy["health_checks"]
    del both["two"]
    (proxy,) = told(sites, both)["http"][0]["handle"]
    assert proxy["health_checks"] == {}
    assert told(sites)["http"][0]["handle"][0]["status_code"] == 503


def test_who_has_no_address_is_reached_by_a_socket_of_its_own_in_each_cluster():
    sites = published("b.localhost", sites=published(), cluster="c2", containers=["two", "three"])
    far = {name: Upstream("") for name in ("one", "two", "three")}
    dials = [
        one["dial"]
        for route in told(sites, far)["http"][:2]
        for one in route["handle"][0]["upstreams"]
    ]
    assert len(set(dials)) == 4
    assert all(dial.startswith("unix/") and "/" not in dial[5:] for dial in dials)


@pytest.mark.parametrize(("https", "port"), [(443, ""), (8443, ":8443")])
def test_http_leads_to_the_true_port_of_https(https, port):
    routes = told(published(tls="own"), https=https)
    (answer,) = routes["http"][0]["handle"]
    assert answer["headers"]["Location"] == [f"https://web.localhost{port}{{http.request.uri}}"]
    assert routes["https"][0]["handle"][0]["status_code"] == 503


def test_only_names_without_a_certificate_get_one_of_the_authoritys():
    sites = published("b.localhost", sites=published(), tls="given", certificate=b"c", key=b"k")
    certificates = config(sites, {}, 443, "ours")["apps"]["tls"]["certificates"]
    assert certificates["automate"] == ["web.localhost"]
    assert certificates["load_pem"] == [{"certificate": "c", "key": "k"}]


def test_the_systems_trust_store_is_left_alone():
    authority = config(Sites(), {}, 443, "ours")["apps"]["pki"]["certificate_authorities"]["local"]
    assert authority["install_trust"] is False


async def test_without_caddy_the_error_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setattr(caddy, "_PATH", str(tmp_path))
    with pytest.raises(NotSupported, match="apt-get install caddy"):
        await caddy.Caddy(None, tmp_path).load({})


def test_every_location_has_localhost_and_only_what_can_be_a_domain():
    assert Web().domains == ("localhost",)
    assert Web(("Lab.Example", "localhost")).domains == ("lab.example", "localhost")
    with pytest.raises(UsageError, match="a b"):
        Web(("a b",))
