"""Clusters and web endpoints: one name, any number of containers behind it, on http and https (D-22)."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.real.conftest import nothing_more
from tests.support.eventually import eventually
from tests.support.web import certificate, gateways, get, site
from tfnz_jupyter import (
    Cluster,
    ContainerEnded,
    Location,
    Refused,
    TimedOut,
    UsageError,
    WebEndpoint,
)
from tfnz_jupyter.folders import state_folder

NAME = "web.localhost"
PROGRAM = """
from tfnz_jupyter import *
loc = location.Location()
web = loc.node().spawn_container('busybox', command='httpd -f -p 80')
loc.endpoint_for('{name}').publish(Cluster(containers=[web]), '{name}')
print('ready', flush=True)
input()
"""


@pytest.fixture
def endpoint(location):
    return location.endpoint_for(NAME)


@pytest.fixture
def pair(node, endpoint):
    """Two sites behind one name."""
    cluster = Cluster(containers=[site(node, "one"), site(node, "two")])
    endpoint.publish(cluster, NAME)
    return cluster


@pytest.fixture
def other(location):
    """Another session of the same user."""
    with Location() as session:
        yield session


def bodies(endpoint, count, name=NAME):
    answers = [get(endpoint.url(name)) for _ in range(count)]
    assert not [answer for answer in answers if answer.status != 200]
    return [answer.body for answer in answers]


def answering(endpoint, count):
    """Who answers, and whether somebody does not."""
    try:
        return {get(endpoint.url(NAME), patience=2).body for _ in range(count)}
    except TimeoutError:
        return {"nobody"}


def test_containers_behind_one_name_take_turns(endpoint, pair):
    assert sorted(bodies(endpoint, 6)) == ["one"] * 3 + ["two"] * 3
    assert pair.published


def test_a_name_is_served_as_soon_as_publish_returns_and_no_longer_than_unpublish(endpoint, pair):
    url = endpoint.url(NAME)
    assert get(url).status == 200
    endpoint.unpublish(pair)
    endpoint.unpublish(pair)
    assert not pair.published
    with pytest.raises(ConnectionRefusedError):
        get(url)
    endpoint.publish(pair, NAME)
    assert get(endpoint.url(NAME)).status == 200


def test_after_a_container_was_destroyed_no_request_is_lost(endpoint, pair):
    first, _second = pair.containers.values()
    first.destroy()
    get(endpoint.url(NAME))  # the one that notices
    until = time.monotonic() + 5  # both while it is left out, and while the gateway forgets it
    while time.monotonic() < until:
        assert bodies(endpoint, 20) == ["two"] * 20
    assert pair.uuids() == [_second.uuid]


def test_an_app_that_is_restarted_alone_behind_its_name_keeps_its_visitors_waiting(node, endpoint):
    alone = site(node, "alone")
    endpoint.publish(Cluster(containers=[alone]), NAME)
    alone.run_process("kill -9 $(cat /pid)")
    assert bodies(endpoint, 5) == ["alone"] * 5


def test_a_container_that_hangs_gets_no_visitors_while_its_health_is_asked_for(node, endpoint):
    hanging, well = site(node, "hanging"), site(node, "well")
    endpoint.publish(Cluster(containers=[hanging, well], health="/index.html"), NAME)
    hanging.run_process("kill -STOP $(cat /pid)")
    eventually(lambda: answering(endpoint, 4) == {"well"}, within=60)
    hanging.run_process("kill -CONT $(cat /pid)")
    eventually(lambda: answering(endpoint, 4) == {"hanging", "well"}, within=60)


def test_containers_come_and_go_while_the_cluster_is_published(node, endpoint, pair):
    one, two = pair.containers.values()
    pair.remove_container(one)
    pair.remove_container(one)
    assert bodies(endpoint, 4) == ["two"] * 4
    three = site(node, "three")
    pair.add_container(three)
    pair.add_container(three)
    assert sorted(bodies(endpoint, 4)) == ["three"] * 2 + ["two"] * 2
    assert pair.uuids() == [two.uuid, three.uuid]


def test_a_cluster_without_containers_says_so(node, endpoint):
    endpoint.publish(Cluster(), NAME)
    answer = get(endpoint.url(NAME))
    assert (answer.status, NAME in answer.body) == (503, True)


def test_a_container_that_is_over_cannot_be_added(node):
    over = node.spawn_container("busybox", command="true")
    over.wait_exit(timeout=60)
    with pytest.raises(ContainerEnded):
        Cluster().add_container(over)


def test_a_name_that_nobody_has_is_not_found(endpoint, pair):
    answer = get(endpoint.url(NAME).replace("web.", "nobody."))
    assert (answer.status, "nobody.localhost" in answer.body) == (404, True)


def test_containers_are_told_of_their_visitor_whatever_it_says_of_itself(endpoint, pair):
    lies = "X-Forwarded-For: 8.8.8.8\r\nX-Forwarded-Proto: https\r\n"
    told = get(f"{endpoint.url(NAME)}cgi-bin/env", headers=lies).body.splitlines()
    assert {"HTTP_X_FORWARDED_FOR=127.0.0.1", "HTTP_X_FORWARDED_PROTO=http"} <= set(told)
    assert f"HTTP_HOST={NAME}" in {line.split(":")[0] for line in told}


def test_published_once_more_a_cluster_is_served_as_it_is_now(location, endpoint, pair):
    pair.rewrite = "inside.example:8000"
    endpoint.publish(pair, NAME)
    assert "HTTP_HOST=inside.example:8000" in get(f"{endpoint.url(NAME)}cgi-bin/env").body
    endpoint.publish(pair, f"other.{NAME}", ssl=True)
    assert bodies(endpoint, 1)
    assert endpoint.names == [f"other.{NAME}", NAME]
    assert get(endpoint.url(f"other.{NAME}"), authority=location.authority()).status == 200


def test_the_port_is_the_one_containers_serve_on(node, endpoint):
    web = node.spawn_container("busybox", command="httpd -f -p 8000 -h /etc")
    web.wait_tcp(8000)
    endpoint.publish(Cluster(containers=[web], port=8000), NAME)
    assert get(f"{endpoint.url(NAME)}hostname").body == web.name


def test_https_is_served_with_a_certificate_of_the_locations_own_authority(
    location, endpoint, pair
):
    answer = get(endpoint.url(NAME, ssl=True), authority=location.authority())
    assert (answer.status, answer.body in ("one", "two")) == (200, True)


def test_the_authority_stays_the_same_and_the_shell_prints_it(location):
    command = [sys.executable, "-m", "tfnz_jupyter.cli", "ca"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert printed.startswith("-----BEGIN CERTIFICATE-----")
    assert printed.strip() == location.authority().strip()


def test_where_https_is_wanted_http_leads_there(location, endpoint, pair):
    endpoint.publish(pair, NAME, ssl=True)
    url = endpoint.url(NAME)
    assert url.startswith("https://")
    answer = get(endpoint.url(NAME, ssl=False) + "page?a=b")
    assert (answer.status, answer.headers["location"]) == (308, f"{url}page?a=b")
    assert get(url, authority=location.authority()).status == 200


def test_a_certificate_of_the_users_own_is_served(endpoint, pair, tmp_path):
    files = certificate(tmp_path, NAME)
    endpoint.publish(pair, NAME, ssl=files)
    assert get(endpoint.url(NAME), authority=Path(files[0]).read_text()).status == 200


def test_a_certificate_for_another_name_is_refused_and_all_stays_as_it_was(
    endpoint, pair, tmp_path
):
    with pytest.raises(UsageError, match=NAME):
        endpoint.publish(pair, NAME, ssl=certificate(tmp_path, "x.example"))
    assert bodies(endpoint, 2)


def test_what_is_no_certificate_is_refused(endpoint, pair, tmp_path):
    good, bad = certificate(tmp_path, NAME)
    for files in [(good,), (good, good), (bad, good)]:
        with pytest.raises(UsageError):
            endpoint.publish(pair, NAME, ssl=files)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        endpoint.publish(pair, NAME, ssl=(good, "/nowhere.key"))
    assert bodies(endpoint, 2)


@pytest.mark.parametrize("name", ["example.com", "weblocalhost", "notlocalhost", "localhost.com"])
def test_a_name_is_under_a_domain_by_whole_labels_only(location, endpoint, name):
    with pytest.raises(UsageError, match=name):
        location.endpoint_for(name)
    with pytest.raises(UsageError, match=name):
        endpoint.publish(Cluster(), name)


@pytest.mark.parametrize("words", [{"rewrite": "{env.HOME}"}, {"health": "/{file./etc/passwd}"}])
def test_what_would_mean_something_to_the_gateway_is_refused(endpoint, words):
    with pytest.raises(UsageError):
        endpoint.publish(Cluster(**words), NAME)


def test_a_name_has_one_owner_who_gives_it_back_with_the_session(location, endpoint, pair, other):
    with pytest.raises(UsageError, match="another cluster"):
        endpoint.publish(Cluster(), NAME.upper())
    theirs = other.endpoint_for(NAME)
    with pytest.raises(Refused, match="taken"):
        theirs.publish(Cluster(), NAME)
    location.disconnect()
    eventually(lambda: NAME not in theirs.names, within=10)
    theirs.publish(Cluster(), NAME)
    assert not endpoint.clusters


def test_what_one_session_publishes_the_users_others_see_at_once(endpoint, pair, other):
    theirs = other.endpoints["localhost"]
    assert theirs.url(NAME) == endpoint.url(NAME)
    endpoint.unpublish(pair)
    eventually(lambda: not theirs.names, within=10)


def test_waiting_for_a_name_ends_when_it_answers(node, endpoint):
    cluster = Cluster(containers=[site(node, "late")])
    with pytest.raises(TimedOut, match=NAME):
        endpoint.wait_http_200(NAME, timeout=0.3)
    endpoint.publish(cluster, NAME)
    WebEndpoint.wait_http_200(NAME)
    endpoint.wait_http_200(NAME, ssl=True, path="index.html")


def test_where_the_usual_ports_are_taken_free_ones_serve(node, endpoint):
    with socket.socket() as http, socket.socket() as https:
        for taken, port in ((http, 80), (https, 443)):
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                taken.bind(("127.0.0.1", port))
            except OSError:
                continue  # it is taken already
            taken.listen()
        endpoint.publish(Cluster(containers=[site(node, "here")]), NAME)
    assert endpoint.url(NAME).count(":") == 2
    assert bodies(endpoint, 1) == ["here"]


def test_a_gateway_that_is_killed_is_started_again_with_all_it_served(endpoint, pair):
    (pid,) = gateways(state_folder())
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: gateways(state_folder()) not in ([], [pid]), within=20)
    assert sorted(bodies(endpoint, 2)) == ["one", "two"]


def test_nothing_of_the_gateway_stays_when_its_last_user_is_killed(before, endpoint):
    child = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(name=NAME)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    assert gateways(state_folder())
    child.kill()
    child.wait()
    eventually(lambda: nothing_more(before), within=4)
    assert not gateways(state_folder())


def test_the_gateway_has_no_rights_on_this_machine(endpoint, pair):
    (pid,) = gateways(state_folder())
    status = dict(
        line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    assert "0" not in status["Uid"].split()
    assert {int(status[f"Cap{kind}"], 16) for kind in ("Prm", "Eff", "Bnd", "Inh")} == {0}
    assert status["NoNewPrivs"] == "1"
    assert os.readlink(f"/proc/{pid}/ns/net") != os.readlink("/proc/self/ns/net")
