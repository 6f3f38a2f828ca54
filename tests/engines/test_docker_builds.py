"""Images built at a location on Docker: as on the embedded engine, from what Docker has, and nothing is left beside them."""

from __future__ import annotations

import shutil

import pytest

from tests.support import docker_bench
from tests.support.docker_bench import Dockerd, footprint, run
from tests.support.eventually import eventually

pytestmark = pytest.mark.skipif(shutil.which("dockerd") is None, reason=docker_bench.LACKING)

_BEGIN = """
import pathlib, os, sys
from tests.support.dockerfiles import BEFORE, built, folder, output
from tfnz_jupyter import CommandFailed, ImageNotFound, Location, NoSuchFile
place = pathlib.Path(os.environ["TFNZ_HOME"], "context")
location = Location(location="docker")
"""
_RUNS = """
context = folder(place, one="1", sub__two="2")
text = '''
FROM mine:1
WORKDIR /srv/app
COPY --chown=alice . ./
USER alice
RUN id -u >/tmp/who && (sleep 1000 &)
ENV GREETING="good day"
ENTRYPOINT ["sh", "-c", "cat /tmp/who one sub/two; pwd; echo $GREETING; [ -e /.tfnz ] || echo clean"]
'''
assert BEFORE not in built(location, text, context=context)
said = output(location, "app").splitlines()
assert said == ["1000", "12/srv/app", "good day", "clean"], said
assert built(location, text, context=context).count(BEFORE) == 3
location.remove_image("app")
"""
_FAILS = """
try:
    built(location, "FROM mine:1\\n\\nRUN echo two; exit 3\\n", "bad")
except CommandFailed as error:
    assert "line 3" in error.message and "returned 3" in error.message and error.detail == "two", error
else:
    sys.exit("it did not fail")
assert "bad" not in location.images()
"""
_IS_MINE = """
built(location, "FROM mine:1\\nRUN echo built >/which\\n", "mine:1")
assert output(location, "mine:1", "cat /which") == "built\\n"
location.remove_image("mine:1")
assert output(location, "mine:1", "cat /which 2>/dev/null || echo its own") == "its own\\n"
"""
_IS_CUT = """
from tfnz_jupyter.blocking import Job
from tests.support.eventually import eventually
said = bytearray()
job = Job(location.build_image.aio("endless", "FROM mine:1\\nRUN echo it runs; sleep 3600\\n", log=said.extend))
job.start()
eventually(lambda: b"it runs\\n" in said, within=60)
job.cancel()
"""


def _names(docker: Dockerd) -> set[str]:
    return {name for image in docker.ask("/images/json") for name in image["RepoTags"] or ()}


def test_a_dockerfile_becomes_an_image_that_runs_as_it_says_and_is_gone_when_it_is_removed(
    docker: Dockerd, home: dict[str, str]
):
    run(_BEGIN + _RUNS, home)
    assert {name.partition(":")[0] for name in _names(docker)} == {"mine", "tfnz-toolbox"}


def test_a_step_that_fails_names_its_line_and_leaves_nothing(docker: Dockerd, home: dict[str, str]):
    before = _names(docker)
    run(_BEGIN + _FAILS, home)
    assert _names(docker) == before
    assert footprint(docker)["containers"] == set()


def test_what_was_built_comes_before_what_docker_has_until_it_is_removed(home: dict[str, str]):
    run(_BEGIN + _IS_MINE, home)


def test_a_build_that_is_cancelled_leaves_nothing(docker: Dockerd, home: dict[str, str]):
    before = _names(docker)
    run(_BEGIN + _IS_CUT, home)
    eventually(lambda: footprint(docker)["containers"] == set(), within=20)
    eventually(lambda: _names(docker) == before, within=20)
