"""The contract on a dockerd that is started here, and what only hosts of Docker's can do or suffer."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncssh
import pytest
import pytest_asyncio

from tests.engines.contract import Contract
from tests.engines.contract_dialling import echoing
from tests.engines.contract_network import say
from tests.support import docker_bench
from tests.support.bench import outputs, read_until
from tests.support.docker_bench import Bench, Dockerd, folder, footprint, run
from tests.support.eventually import eventually, eventually_async
from tfnz_jupyter.errors import EngineFailed, NotSupported, UsageError

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(shutil.which("dockerd") is None, reason=docker_bench.LACKING),
]

#: The location is killed; what ran goes on, is reached, and reaches whom it was let to.
_SURVIVES = """
import json, os, pathlib
from tfnz_jupyter import Location
from tfnz_jupyter.errors import Unreachable

def page(container):
    return container.run_process(f"wget -qO- http://{server.ip}/passwd | head -n 1")[0]

location = Location(location="docker")
server = location.node().spawn_container("mine:1", command="httpd -f -p 80 -h /etc")
sleeper = location.node().spawn_container("mine:1", command="echo awake; sleep 1000", sleep=True)
server.wait_tcp(80)
sleeper.wait_until_ready()
server.allow_connection_from(sleeper)
assert page(sleeper).startswith(b"root:"), page(sleeper)
(file,) = pathlib.Path(os.environ["TFNZ_HOME"], "run").glob("docker*/location.json")
os.kill(json.loads(file.read_text())["pid"], 9)
for _ in range(100):
    try:
        assert page(sleeper).startswith(b"root:"), page(sleeper)
        break
    except Unreachable:
        continue
sleeper.start()
sleeper.wait_log("awake")
server.wait_http_200(dest_port=80, path="passwd")
"""
_IS_KILLED = """
import os
from tfnz_jupyter import Location
location = Location(location="docker")
location.node().spawn_container("mine:1", command="sleep 1000").wait_until_ready()
os.kill(os.getpid(), 9)
"""


_ABANDONS = """
import asyncio, os
from pathlib import Path
from tests.support.docker_bench import Bench, Dockerd

async def main():
    left = Bench(Path("{place}"), Dockerd(Path("{dockerd}")), linger=1)
    await left.open()
    await left.boot("sleep 1000")
    os.kill(os.getpid(), 9)

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def docker() -> Iterator[Dockerd]:
    """This thread is in its network for as long as the module runs."""
    with docker_bench.apart(), docker_bench.dockerd() as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened(docker: Dockerd) -> AsyncIterator[Bench]:
    """One engine for all."""
    with folder() as place:
        async with docker_bench.bench(place, docker) as found:
            yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def two(docker: Dockerd) -> AsyncIterator[Bench]:
    """A bench whose second host may be stopped."""
    with folder() as place, docker_bench.dockerd() as second:
        async with docker_bench.bench(place, docker, second) as found:
            yield found


class TestDocker(Contract):
    """What it cannot do, it says."""


class TestLocations:
    """On Docker: found by name, killed, and their programs killed."""

    @pytest.fixture
    def home(self, docker: Dockerd) -> Iterator[dict[str, str]]:
        """The environment of programs whose location is killed when they are done with; Docker has an image of theirs."""
        docker.give("mine:1")
        with docker_bench.home(docker) as environment:
            yield environment

    async def test_a_killed_location_leaves_its_containers_to_the_next(self, home: dict[str, str]):
        run(_SURVIVES, home)

    async def test_a_killed_program_leaves_nothing(self, docker: Dockerd, home: dict[str, str]):
        before = footprint(docker)["containers"]
        assert run(_IS_KILLED, home, check=False) == -9
        eventually(lambda: footprint(docker)["containers"] == before, within=20)

    async def test_what_a_dead_location_left_is_collected_by_the_next(self, docker: Dockerd):
        with folder() as place:
            left, before = Bench(place, docker), footprint(docker)
            await left.open()
            await left.boot("sleep 1000")
            await left.engine.abandon()
            assert footprint(docker) != before
            async with docker_bench.bench(place, docker):
                assert footprint(docker)["containers"] == before["containers"]
            assert footprint(docker) == before

    async def test_a_sleeper_that_was_killed_meanwhile_is_told_so_by_the_next(
        self, docker: Dockerd
    ):
        with folder() as place:
            left = Bench(place, docker)
            await left.open()
            spec = left.spec("true", asleep=True)
            await left.engine.boot(spec, left.nodes[0].id)
            await left.engine.abandon()
            docker.ask(f"/containers/tfnz-{spec.id}/kill", "POST")
            engine = left.another()
            found = await engine.open(left.on_nodes, {spec.id: spec})
            end = await found[spec.id].booted.process.wait()
            await engine.close()
        assert end.signal == 9


class TestWatcher:
    """What becomes of containers when nobody is left."""

    async def test_a_location_that_never_comes_back_leaves_nothing_after_its_time(
        self, docker: Dockerd
    ):
        with folder() as place:
            before = footprint(docker)
            abandons = _ABANDONS.format(place=str(place), dockerd=str(docker.folder))
            assert run(abandons, dict(os.environ), check=False) == -9
            assert footprint(docker) != before
            await eventually_async(lambda: footprint(docker) == before, within=30)
            await eventually_async(lambda: not _watchers(place), within=10)

    async def test_one_that_comes_back_in_time_has_its_containers_and_a_watcher_of_its_own(
        self, docker: Dockerd
    ):
        with folder() as place:
            left = Bench(place, docker, linger=1)
            await left.open()
            spec = left.spec("sleep 1000")
            await left.engine.boot(spec, left.nodes[0].id)
            (former,) = _watchers(place)
            await left.engine.abandon()
            left.engine = left.another()
            assert spec.id in await left.engine.open(left.on_nodes, {spec.id: spec})
            await eventually_async(lambda: former not in _watchers(place), within=20)
            assert len(_watchers(place)) == 1
            assert await left.said(spec.id, "echo well") == "well\n"
            await left.engine.close()
            assert _watchers(place) == set()


def _watchers(place: Path) -> set[int]:
    """The watchers of locations in a folder."""
    found = set()
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = file.read_bytes().decode("utf-8", "replace").split("\0")
            if "tfnz_jupyter.engines.watcher" in words and f"{place}/state" in words:
                found.add(int(file.parent.name))
    return found


class TestHosts:
    """Two of them."""

    async def test_each_is_a_node_that_runs_containers(self, two: Bench):
        for node in two.nodes:
            name, process = await two.boot("echo up; exec sleep 1000", node=node.id)
            await read_until(process, b"up")
            await two.engine.destroy(name, 0)
        assert len({node.id for node in two.nodes}) == 2

    async def test_containers_are_not_opened_to_each_other_across_hosts(self, two: Bench):
        here, there = [(await two.boot("sleep 1000", node=n.id))[0] for n in two.nodes]
        with pytest.raises(NotSupported, match="two hosts"):
            await two.engine.allow(here, there)
        await two.clear()

    async def test_one_that_stops_is_a_node_lost_that_comes_back(self, two: Bench):
        first, second = two.nodes
        _, process = await two.boot("sleep 1000", node=second.id)
        kept, _ = await two.boot("sleep 1000", node=first.id)
        two.dockers[1].stop()
        end = await process.wait()
        assert (end.code, end.signal in (None, 9, 15)) == (None, True)
        await eventually_async(lambda: [node.id for node in two.nodes] == [first.id], within=20)
        assert await two.said(kept, "echo well") == "well\n"
        with pytest.raises(UsageError, match=second.id):
            await two.boot("true", node=second.id)
        two.dockers[1].start()
        await eventually_async(lambda: len(two.nodes) == 2, within=30)
        _, process = await two.boot("echo again; exec sleep 1000", node=second.id)
        await read_until(process, b"again")
        await two.clear()


class TestElsewhere:
    """A host whose network is another machine's."""

    async def test_its_containers_stay_closed_to_each_other_and_it_says_why(self, docker: Dockerd):
        with docker_bench.at_home(), folder() as place:
            async with docker_bench.bench(place, docker) as there:
                assert any("cannot be opened to each other" in why for why in there.engine.degraded)
                assert any("cannot be reached from here" in why for why in there.engine.degraded)
                server, address = await echoing(there)
                client, _ = await there.boot("sleep 1000")
                with pytest.raises(NotSupported, match="not this machine's"):
                    await there.engine.allow(server, client)
                with pytest.raises(NotSupported, match="egress='none'"):
                    await there.boot("true", egress="none")
                script = f"nc -w 1 {address} 7 </dev/null && echo open || echo shut"
                assert await there.said(client, script) == "shut\n"

    async def test_its_rules_are_changed_by_a_container_there_if_that_is_allowed(
        self, docker: Dockerd
    ):
        before = footprint(docker)
        with docker_bench.at_home(), folder() as place:
            async with docker_bench.bench(place, docker, allow_host_rules=("yes",)) as there:
                server, address = await echoing(there)
                client, _ = await there.boot("sleep 1000")
                assert await say(there, client, address) != "word"
                await there.engine.allow(server, client)
                assert await say(there, client, address) == "word"
        assert footprint(docker) == before


class _Door(asyncssh.SSHServer):
    """Lets who has the key through to sockets of this machine."""

    def unix_connection_requested(self, dest_path: str) -> bool:
        return True


class TestSsh:
    """A host behind SSH."""

    async def test_streams_go_through_and_end_where_they_should(
        self, docker: Dockerd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        ours, theirs = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
        (tmp_path / ".ssh").mkdir(mode=0o700)
        ours.write_private_key(str(tmp_path / ".ssh/id_ed25519"))
        ours.write_public_key(str(tmp_path / "let-in"))
        server = await asyncssh.listen(
            "127.0.0.1", 0, server_factory=_Door, server_host_keys=[theirs],
            authorized_client_keys=str(tmp_path / "let-in"),
        )  # fmt: skip
        known = f"[127.0.0.1]:{server.get_port()} {theirs.export_public_key().decode()}"
        (tmp_path / ".ssh/known_hosts").write_text(known)
        monkeypatch.setenv("HOME", str(tmp_path))
        behind = Dockerd(docker.folder)
        behind.url = f"ssh://root@127.0.0.1:{server.get_port()}{docker.folder}/sock"
        with folder() as place:
            async with docker_bench.bench(place, behind) as there:
                _, process = await there.boot("cat; echo over")
                await process.write(b"through\n")
                await process.write_eof()
                assert await outputs(process) == ("through\nover\n", "")
        server.close()


class TestRefusals:
    """What cannot be."""

    async def test_a_host_that_does_not_answer_is_named(self):
        with folder() as place:
            nobody = Bench(place, Dockerd(place))
            with pytest.raises(EngineFailed, match=str(place)):
                await nobody.open()

    @pytest.mark.parametrize("url", ["docker.sock", "http://lab:2375", "ssh://", "unix://"])
    async def test_what_is_no_address_is_named(self, url: str):
        with folder() as place, pytest.raises(UsageError, match="--host"):
            docker_bench.DockerEngine(place, place, {"host": (url,)})
