"""What a step of a build sees, signals and reaches: what a container does, and not a bit more. And what is left of a build."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.conftest import location_pid, nothing_more, traces
from tests.support.dockerfiles import BEFORE, built, output
from tests.support.eventually import eventually
from tests.support.served import Served
from tfnz_jupyter import ImageNotFound, Location, Refused, TfnzError, Unreachable, UsageError
from tfnz_jupyter.blocking import Job

#: One line for each thing that a process may have more of than it should.
LOOK = """
grep -E '^(Cap|NoNewPrivs|Seccomp)' /proc/self/status
cat /proc/self/uid_map /proc/self/gid_map
id; hostname >/dev/null && echo named; umask
set -- /proc/[0-9]*; echo $#
cut -d ' ' -f 2,3,4 /proc/mounts | sed 's/,size=[0-9]*k//; s/,lowerdir.*//' | sort
ls /dev | sort
cat /proc/net/route | cut -f 1,2,3; ls /sys/class/net
unshare -U true 2>&1; unshare -m true 2>&1; chroot / true && echo chroot
mount -t tmpfs none /mnt 2>&1; mknod /tmp/null c 1 3 2>&1; dmesg 2>&1 | head -1
cat /proc/sys/kernel/core_pattern >/dev/null && echo x 2>/dev/null >/proc/sys/kernel/core_pattern || echo read-only
for a in 127.0.0.1 169.254.169.254 {host}; do nc -w 2 $a {port} </dev/null 2>&1; done
cat /sys/fs/cgroup/*/memory.limit_in_bytes 2>/dev/null
kill -9 1 2>&1; kill -9 -1 2>&1; echo still here
"""


def own_addresses() -> list[str]:
    """Of this machine, but for its loopback."""
    found = subprocess.run(["ip", "-4", "-o", "addr"], capture_output=True, text=True, check=True)
    words = [line.split() for line in found.stdout.splitlines()]
    return [word[3].partition("/")[0] for word in words if word[1] != "lo"]


@pytest.fixture
def look() -> Iterator[str]:
    """The script, with an address of this machine and a port on which it listens."""
    with socket.create_server(("0.0.0.0", 0)) as server:
        port = str(server.getsockname()[1])
        host = next(iter(own_addresses()), "127.0.0.1")
        yield LOOK.replace("{host}", host).replace("{port}", port)


def test_a_step_sees_signals_and_reaches_just_what_a_container_does(location: Location, look: str):
    text = f"FROM busybox\nRUN <<LOOK\n{look}LOOK\n"
    said = built(location, text, "looks", cache=False).partition("RUN <<LOOK\n")[2]
    other = location.node().spawn_container("busybox", command="sleep 1000")
    seen, _errors, code = other.run_process(look)
    assert (said, code) == (seen.decode(), 0)
    assert "still here" in said
    assert "chroot" in said
    assert "NoNewPrivs:\t1" in said
    assert "Seccomp:\t2" in said


def begun(location: Location) -> Job[str]:
    """A build whose step runs, and never ends by itself."""
    said = bytearray()
    text = "FROM busybox\nRUN echo it runs; sleep 3600 & sleep 3600\n"
    job = Job(location.build_image.aio("endless", text, log=said.extend))
    job.start()
    eventually(lambda: b"it runs\n" in said, within=120)
    return job


def test_a_build_that_is_cancelled_leaves_nothing(location: Location, before):
    job = begun(location)
    job.cancel()
    eventually(lambda: nothing_more(before), within=10)
    assert location.node().spawn_container("busybox", command="true").wait_exit(timeout=60) == 0


def test_a_build_ends_with_its_session(location: Location, before):
    with Location() as other:
        job = begun(other)
    eventually(lambda: nothing_more(before), within=10)
    with pytest.raises(TfnzError):
        job.future.result(10)


PROGRAM = """
from tfnz_jupyter import Location
Location().build_image("endless", "FROM busybox\\nRUN echo it runs; sleep 3600", log=lambda data: print(data, flush=True))
"""


def test_a_build_of_a_killed_program_leaves_nothing_after_two_seconds(before):
    child = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
    )
    assert child.stdout is not None
    assert any(b"it runs\\n'" in line for line in child.stdout)
    child.kill()
    child.wait()
    child.stdout.close()
    eventually(lambda: nothing_more(before), within=2)


def test_a_build_under_a_location_that_is_killed_leaves_nothing(location: Location):
    job = begun(location)
    os.kill(location_pid(), signal.SIGKILL)
    with pytest.raises(Unreachable, match="nobody knows the outcome"):
        job.future.result(60)
    eventually(lambda: not any("sleep 3600" in one for one in traces()["processes"]), within=30)
    eventually(lambda: not any("containers/" in one for one in traces()["files"]), within=10)


def test_nobody_has_what_another_has_built(served: Served, name: str):
    text = "FROM busybox\nRUN echo secret >/secret\n"
    served.join(name)
    served.join(f"{name}-b")
    with Location(location=name) as ada, Location(location=f"{name}-b") as bob:
        built(ada, text, "hers")
        assert built(ada, text, "hers").count(BEFORE) == 1
        assert "hers" not in bob.images()
        with pytest.raises(ImageNotFound):
            built(bob, "FROM hers\nRUN cat /secret\n", "his")
        assert BEFORE not in built(bob, text, "his")
        with pytest.raises(ImageNotFound):
            bob.remove_image("hers")
        assert output(ada, "hers", "cat /secret") == "secret\n"


def test_a_build_has_few_containers_at_once_however_many_it_copies_from(location: Location, before):
    def look(_said: bytes) -> None:
        more = traces()["files"] - before["files"]
        seen.append(sum("containers/" in one for one in more))

    seen: list[int] = []
    names = [f"stage{number}" for number in range(8)]
    text = "".join(f"FROM busybox AS {name}\nRUN echo {name} >/{name}\n" for name in names)
    text += "FROM busybox\n" + "".join(f"COPY --from={name} /{name} /\n" for name in names)
    location.build_image("many", text, log=look)
    assert 0 < max(seen) < 6
    assert output(location, "many", "cat /stage0 /stage7") == "stage0\nstage7\n"


def test_a_dockerfile_without_end_is_refused_at_once(location: Location):
    with pytest.raises(UsageError, match="at most 1,000 instructions, not 1,001"):
        location.build_image("endless", "FROM busybox\n" + "ENV A=1\n" * 1000)


def test_a_build_counts_as_a_container_of_its_user(served: Served, name: str):
    served.join(name, "--containers", "1")
    with Location(location=name) as session:
        assert built(session, "FROM busybox\nRUN true\n").endswith("RUN true\n")
        running = session.node().spawn_container("busybox", command="sleep 1000")
        running.wait_until_ready()
        with pytest.raises(Refused, match="1 containers at a time"):
            built(session, "FROM busybox\nRUN true\n", cache=False)
        running.destroy()
        built(session, "FROM busybox\nRUN true\n", cache=False)
