"""The Kubernetes engine where no Pod's address can be reached: connections into Pods are the API server's port-forwards."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.engines.contract_dialling import Dialling
from tests.engines.contract_tunnels import Tunnels
from tests.support import apart
from tests.support.cluster_locations import at_home
from tests.support.eventually import eventually_async
from tests.support.kubernetes_bench import Bench, namespace, pushed

pytestmark = pytest.mark.cluster

ROOT = Path(__file__).parents[2]


class Forwarded(Bench):
    """One that reaches no Pod's address."""

    passes_ends = False  # which no WebSocket can say
    connections = 200  # each costs the API server and a kubelet a handshake


@pytest_asyncio.fixture(scope="class", loop_scope="module")
async def opened() -> AsyncIterator[Bench]:
    """One engine for all of a class, in a network of its own; the module's other tests make theirs elsewhere."""
    folder = Path(tempfile.mkdtemp(prefix="tfnz-", dir="/tmp"))
    try:
        async with namespace() as cluster:
            with apart.network(cluster.addresses) as network, apart.entered(network):
                bench = Forwarded(folder, cluster)
                try:
                    await bench.open()
                    yield bench
                finally:
                    await bench.engine.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.asyncio(loop_scope="module")
class TestForwarded(Dialling, Tunnels):
    """What tunnels are made of."""

    @pytest_asyncio.fixture(loop_scope="module")
    async def bench(self, opened: Bench) -> AsyncIterator[Bench]:
        """The class's engine, as empty as it was."""
        before = await opened.settled()
        yield opened
        await opened.clear()
        await eventually_async(lambda: opened.leftovers() == before, within=opened.soon)

    async def test_an_address_is_not_reached(self, bench: Bench) -> None:
        name, _process = await bench.boot("sleep 1000")
        assert not await bench.engine.reachable(name)


# -- names on the web --------------------------------------------------------------------------------------------------

#: What becomes of a name while its containers answer, reboot and go, as JSON.
_PUBLISHES = """
import json, sys, threading
from tests.support.web import get, site
from tfnz_jupyter import Cluster, Location

with Location(location="kubernetes") as session:
    node = session.node()
    one, two = (site(node, text, sys.argv[1]) for text in ("one", "two"))
    endpoint = session.endpoints["localhost"]
    endpoint.publish(cluster := Cluster(containers=[one, two]), "web.localhost")
    visited = lambda count: [get(endpoint.url("web.localhost")).body for _ in range(count)]
    ways = lambda: len([*(session.home.state / "gateway").glob("*.way")])
    told = {"ways": [ways()], "turns": visited(6)}
    rebooting = threading.Thread(target=one.reboot)
    rebooting.start()
    told["meanwhile"] = []
    while rebooting.is_alive():
        told["meanwhile"] += visited(1)
    one.wait_tcp(80)
    told["afterwards"] = []
    while len({*told["afterwards"]}) < 2 and len(told["afterwards"]) < 2000:  # it may be left out for 5 s
        told["afterwards"] += visited(1)
    cluster.remove_container(one)
    told["without"] = visited(4)
    told["ways"].append(ways())
    endpoint.unpublish(cluster)
    told["ways"].append(ways())
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told() -> Iterator[dict[str, list[Any]]]:
    """What a program tells that publishes a name, in a network of its own with its location."""
    with at_home() as cluster, apart.network(cluster.addresses) as network:
        program = [sys.executable, "-c", _PUBLISHES, asyncio.run(pushed())]
        inside = ["ip", "netns", "exec", network, *program]
        ran = subprocess.run(inside, cwd=ROOT, stdout=subprocess.PIPE, check=True)
        yield json.loads(ran.stdout)


def test_containers_behind_a_name_take_turns(told: dict[str, list[Any]]) -> None:
    assert sorted(told["turns"]) == ["one"] * 3 + ["two"] * 3


def test_no_visitor_is_lost_while_one_of_them_reboots(told: dict[str, list[Any]]) -> None:
    assert told["meanwhile"]
    assert {*told["meanwhile"]} <= {"one", "two"}
    assert set(told["afterwards"]) == {"one", "two"}


def test_what_is_behind_a_name_no_more_gets_no_visitors_and_leaves_nothing(
    told: dict[str, list[Any]],
) -> None:
    assert told["without"] == ["two"] * 4
    assert told["ways"] == [2, 1, 0]
