"""Docker as a user comes to it: what the doctor says of it, and a notebook that goes to it and back."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import Any

import pytest
from aiohttp import web

from tests.support import docker_bench
from tests.support.docker_bench import Dockerd, folder, run
from tests.support.eventually import eventually
from tfnz_jupyter.doctor.docker import look

pytestmark = pytest.mark.skipif(shutil.which("dockerd") is None, reason=docker_bench.LACKING)

#: A kernel that goes to Docker, runs something there, leaves, goes to the embedded location, and comes back.
_GOES_AND_COMES = """
import os
from tests.support.kernel import kernel

def host(name):
    return kernel.ok(f"print({name}.run_process('cat /proc/1/cgroup')[0].decode())").text

with kernel() as kernel:
    kernel.ok("%tf connect docker")
    card = kernel.ok("%tf spawn mine:1 --name one sh -c 'echo up; sleep 1000'").shown[0]
    assert "one" in card["text/plain"] and "tf-at-" in card["text/html"], card
    assert kernel.ok("print(one.wait_log('up'), one.returncode)").text.endswith("None\\n")
    assert kernel.ok("%%tf exec one\\necho hello from $(hostname)").text.startswith("hello from "), "exec"
    kernel.ok("%tf connect embedded")
    assert "docker  (connected)" not in kernel.ok("%tf locations").text
    assert "docker" in host("one"), "it lives on"
    kernel.ok("%tf spawn mine:1 --name two sleep 1000")
    assert "docker" not in host("two")
    kernel.ok("%tf connect docker\\n%tf spawn mine:1 --name three sleep 1000")
    assert "docker" in host("three")
    assert "is over" in kernel.ok("%tf disconnect").text
    assert kernel.ok("print(two.dead, three.dead)").text == "False True\\n"
"""
#: Looks with an ordinary user's rights: all it needs is imported before it becomes one.
_LOOKS_AS_ANOTHER = """
import asyncio, os
import aiodocker, tfnz_jupyter.engines.docker
from tfnz_jupyter.doctor import docker
os.setgroups([])
os.setuid(54_321)
(first, *_) = asyncio.run(docker.look({"host": (os.environ["DOCKER_HOST"],)}))
assert (first.state, "permission denied" in first.why, "usermod -aG docker" in first.mend) == ("missing", True, True), first
"""


def doctor(home: dict[str, str], *words: str) -> tuple[int, str]:
    """What ``tfnz doctor docker`` returns and says."""
    argv = [sys.executable, "-m", "tfnz_jupyter.cli", "doctor", "docker", *words]
    done = subprocess.run(argv, env=home, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def checks(home: dict[str, str], *words: str) -> dict[str, Any]:
    """Its checks, by name."""
    return {one["name"]: one for one in json.loads(doctor(home, "--json", *words)[1])["checks"]}


def test_a_kernel_goes_to_docker_and_back_and_leaves_nothing(docker: Dockerd, home: dict[str, str]):
    run(_GOES_AND_COMES, home)
    eventually(lambda: docker_bench.footprint(docker)["containers"] == set(), within=20)


def test_the_doctor_says_what_is_there(docker: Dockerd, home: dict[str, str]):
    code, said = doctor(home)
    assert code == 0
    assert f"OK        {docker.url}" in said
    assert f"{os.cpu_count()} processors" in said


def test_it_names_a_host_that_is_not_there_among_others(docker: Dockerd, home: dict[str, str]):
    found = checks(home, "--host", docker.url, "--host", "tcp://127.0.0.1:1")
    assert found[docker.url]["state"] == "ok"
    assert found["tcp://127.0.0.1:1"]["state"] == "degraded"
    assert doctor(home, "--host", "unix:///no/such")[0] == 1


def test_it_says_who_may_use_the_socket(home: dict[str, str]):
    run(_LOOKS_AS_ANOTHER, home)


async def test_it_says_that_one_is_too_old():
    async def version(_request: web.Request) -> web.Response:
        return web.json_response({"ApiVersion": "1.24"})

    async def info(_request: web.Request) -> web.Response:
        return web.json_response({"NCPU": 1, "MemTotal": 1, "Name": "old"})

    app = web.Application()
    app.router.add_get("/version", version)
    app.router.add_get("/v1.24/info", info)
    with folder() as place:
        runner = web.AppRunner(app)
        await runner.setup()
        await web.UnixSite(runner, f"{place}/sock").start()
        first = (await look({"host": (f"unix://{place}/sock",)}))[0]
        await runner.cleanup()
    assert first.state == "missing"
    assert "too old" in first.why
    assert "19.03" in first.mend
