"""``kill -9`` of the location: the next one has its sessions, containers, processes and streams, and nothing else stays."""

import asyncio
import concurrent.futures
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.real.conftest import location_pid
from tests.support.eventually import eventually, eventually_async
from tfnz_jupyter import Cluster, Location, NotFound, Unreachable
from tfnz_jupyter.folders import runtime_folder

ROOT = Path(__file__).parents[3]
COUNTER = "i=0; while [ ! -e /stop ]; do echo line $i; i=$((i+1)); done; echo total $i"
ONE_READ = 256 * 1024  # bytes: what a killed location may have read without counting it


def kill_location() -> None:
    """``kill -9``, and return once its successor serves."""
    pid = location_pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: location_pid() not in (None, pid), within=30)


def is_running(*command: str) -> bool:
    """Whether a process of that command is on this machine, in whatever container."""
    words = "\0".join(command).encode() + b"\0"
    return any(read(path) == words for path in Path("/proc").glob("[0-9]*/cmdline"))


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


@pytest.fixture
def reader(node):
    """A container that says what it reads."""
    command = "while read line; do echo got $line; done; echo end; exit 7"
    container = node.spawn_container("busybox", command=command, tag="reader")
    yield container.wait_until_ready(timeout=60)
    if not container.dead:
        container.destroy()


def test_a_container_goes_on_with_its_address_log_and_input(reader):
    ip = reader.ip
    reader.stdin(b"before\n")
    eventually(lambda: reader.logs() == b"got before\n", within=20)
    kill_location()
    reader.stdin(b"after\n")
    reader.wait_log("got after", timeout=30)
    eventually(lambda: reader.logs() == b"got before\ngot after\n", within=20)
    assert reader.ip == ip
    reader.stdin_eof()
    assert reader.wait_exit(timeout=20) == 7


def test_input_that_was_on_its_way_arrives_once(reader):
    os.kill(location_pid(), signal.SIGSTOP)
    for number in range(100):
        reader.stdin(f"{number}\n".encode())
    kill_location()
    reader.stdin_eof()
    assert reader.wait_exit(timeout=30) == 7
    expected = [f"got {number}" for number in range(100)]
    assert reader.logs().decode().split("\n")[:-2] == expected


def test_processes_go_on_and_end_with_their_codes(reader):
    process = reader.spawn_process("read line; echo said $line; exit 5")
    ended = reader.spawn_process("sleep 0.3; echo late; exit 6")
    kill_location()
    process.stdin(b"this\n")
    assert process.wait_exit(timeout=30) == 5
    assert process.log.text() == b"said this\n"
    assert process.log.lost_bytes == 0
    assert ended.wait_exit(timeout=30) == 6
    assert ended.log.text() == b"late\n"


def test_a_run_that_is_under_way_is_answered_by_the_next_location(reader):
    async def story():
        running = asyncio.ensure_future(reader.run_process.aio("sleep 2.3456; echo out; exit 3"))
        await eventually_async(lambda: is_running("sleep", "2.3456"), within=10)
        await reader.run_process.aio("true")  # the start of that one has been answered, too
        await asyncio.to_thread(kill_location)
        return await asyncio.wait_for(running, 30)

    assert asyncio.run(story()) == (b"out\n", b"", 3)


def test_of_a_flood_no_byte_is_lost_uncounted(node):
    sizes = []
    flood = node.spawn_container(
        "busybox", command=COUNTER, stdout_callback=lambda c, data: sizes.append(len(data))
    )
    flood.wait_log("line 1000", timeout=60)
    kill_location()
    flood.run_process("touch /stop")
    assert flood.wait_exit(timeout=60) == 0
    count = int(flood.logs(1).split()[1])
    printed = sum(len(f"line {n}\n") for n in range(count)) + len(f"total {count}\n")
    told = sum(sizes) + flood.log.lost_bytes
    assert printed - ONE_READ <= told <= printed


def test_what_ended_while_there_was_no_location_is_told_with_its_code(home, node):
    told = []
    container = node.spawn_container(
        "busybox",
        command="sleep 1.2345; echo last; exit 9",
        termination_callback=lambda c, code: told.append(code),
    )
    container.wait_until_ready(timeout=60)
    with (runtime_folder() / "starting.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # nobody starts the next one yet
        os.kill(location_pid(), signal.SIGKILL)
        eventually(lambda: not is_running("sleep", "1.2345"), within=20)
    assert container.wait_exit(timeout=30) == 9
    assert container.logs() == b"last\n"
    eventually(lambda: told == [9], within=5)


def test_a_container_that_was_being_made_is_made_by_the_next_location(location, node):
    container = node.spawn_container("busybox", command="echo made; exit 4")
    eventually(lambda: not location._spawning, within=20)  # it is acknowledged
    kill_location()
    assert container.wait_exit(timeout=60) == 4
    assert container.logs() == b"made\n"


def test_tunnels_are_opened_again_on_their_ports(node):
    web = node.spawn_container(
        "busybox", command="echo hello >/index.html; exec httpd -f -p 80 -h /"
    )
    tunnel = web.wait_http_200(path="index.html", timeout=60)
    port = tunnel.localport()
    kill_location()
    eventually(lambda: fetched(tunnel.url) == b"hello\n", within=30)
    assert tunnel.localport() == port
    web.destroy()


def fetched(url):
    try:
        with urlopen(f"{url}/index.html", timeout=5) as answer:
            return answer.read()
    except OSError as problem:
        return problem


def test_tags_and_other_sessions_survive(reader):
    with Location() as other:
        external = other.external_container("reader")
        external.wait_until_ready(timeout=20)
        kill_location()
        assert external.run_process("echo there")[0] == b"there\n"
        assert other.external_container("reader") is external
        with pytest.raises(NotFound):
            other.external_container("nobody")


def test_a_call_whose_outcome_nobody_knows_says_so(reader):
    async def story():
        os.kill(location_pid(), signal.SIGSTOP)
        asked = asyncio.ensure_future(reader.put.aio("/file", b"content"))
        await eventually_async(
            lambda: "PutFiles" in str(reader._connection._calls.open()), within=10
        )
        await asyncio.to_thread(kill_location)
        await asyncio.wait_for(asked, 30)

    with pytest.raises(Unreachable, match="outcome"):
        asyncio.run(story())
    assert reader.run_process("echo well")[0] == b"well\n"


def test_a_session_whose_program_died_meanwhile_is_collected(location):
    child = subprocess.Popen(
        [sys.executable, "-c", ORPHAN],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert child.stdout.readline() == b"ready\n"
    eventually(lambda: "orphan" in location.externals, within=10)
    orphan = location.external_container("orphan")
    os.kill(location_pid(), signal.SIGSTOP)
    child.kill()
    child.wait()
    kill_location()
    eventually(lambda: "orphan" not in location.externals, within=30)
    eventually(lambda: orphan.dead, within=5)


ORPHAN = """
from tfnz_jupyter import Location
loc = Location()
loc.node().spawn_container("busybox", command="sleep 1000", tag="orphan").wait_until_ready()
print("ready", flush=True)
input()
"""


def test_many_sessions_of_one_program_all_come_back(home):
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        sessions = list(pool.map(lambda _: Location(), range(50)))
        made = [
            s.node().spawn_container("busybox", command="cat", name="cat") for s in sessions[:5]
        ]
        for container in made:
            container.wait_until_ready(timeout=60)
        kill_location()
        answers = list(pool.map(lambda c: c.run_process("echo here")[0], made))
        assert answers == [b"here\n"] * 5
        assert not any(session.dead for session in sessions)
        list(pool.map(lambda session: session.disconnect(), sessions))


def test_a_sleeper_sleeps_on_and_can_be_woken(node):
    sleeper = node.spawn_container("busybox", sleep=True, command="echo awake; exec sleep 1000")
    hollow = node.spawn_container("busybox", sleep=True, command=["/later"])
    for container in (sleeper, hollow):
        container.wait_until_ready(timeout=60)
    kill_location()
    assert sleeper.run_process("echo dreams")[0] == b"dreams\n"
    assert (sleeper.state, hollow.state) == ("asleep", "asleep")
    sleeper.start()
    sleeper.wait_log("awake", timeout=20)
    hollow.run_process("printf '#!/bin/sh\necho came' >/later; chmod +x /later")
    hollow.start()
    assert hollow.wait_exit(timeout=20) == 0


def test_a_container_that_was_woken_and_rebooted_goes_on_and_can_be_again(node):
    container = node.spawn_container(
        "busybox", sleep=True, command="cat /note; exec cat", pre_boot_files={"/note": "up\n"}
    )
    container.start()
    eventually(lambda: container.logs() == b"up\n", within=20)
    container.reboot()
    eventually(lambda: container.logs() == b"up\nup\n", within=20)
    container.run_process("echo changed >/note")
    kill_location()
    container.stdin(b"fed\n")
    eventually(lambda: container.logs() == b"up\nup\nfed\n", within=30)
    container.reboot(reset_filesystem=True)
    eventually(lambda: container.logs() == b"up\nup\nfed\nup\n", within=20)
    assert container.state == "running"


def test_a_terminal_goes_on(node):
    container = node.spawn_container("busybox", command="exec sleep 1000")
    screen = []
    shell = container.spawn_shell(data_callback=lambda p, data: screen.append(data))
    shell.stdin(b"echo $((40+2))\n")
    eventually(lambda: b"42" in b"".join(screen), within=20)
    kill_location()
    shell.resize(99, 31)
    shell.stdin(b"stty size\n")
    eventually(lambda: b"31 99" in b"".join(screen), within=30)
    shell.stdin_eof()
    assert shell.wait_exit(timeout=20) == 0


def test_volumes_and_openings_survive(location, node):
    volume = location.create_volume(tag="kept")
    server = node.spawn_container(
        "busybox",
        command="exec httpd -f -p 80 -h /data",
        volumes=[(volume, "/data")],
        name="server",
    )
    client = node.spawn_container("busybox", command="sleep 1000", name="client")
    server.run_process("echo kept > /data/index.html")
    server.allow_connection_from(client)
    server.wait_tcp(80)
    get = f"printf 'GET /index.html HTTP/1.0\\r\\n\\r\\n' | nc -w 2 {server.ip} 80 | tail -n 1"
    assert client.run_process(get)[0] == b"kept\n"
    kill_location()
    assert client.run_process(get)[0] == b"kept\n"
    assert location.volume("kept") is volume
    server.disallow_connection_from(client)
    assert client.run_process(get)[0] == b""
    for container in (server, client):
        container.destroy()
    location.destroy_volume(volume)


def test_web_endpoints_are_published_again(location, node):
    web = node.spawn_container("busybox", command="echo web >/index.html; exec httpd -f -p 80 -h /")
    endpoint = location.endpoint_for("again.localhost")
    cluster = Cluster(containers=[web])
    endpoint.publish(cluster, "again.localhost")
    endpoint.wait_http_200("again.localhost", path="index.html")
    kill_location()
    eventually(lambda: "again.localhost" in endpoint.names, within=30)
    endpoint.wait_http_200("again.localhost", path="index.html")
    endpoint.unpublish(cluster)
    web.destroy()
