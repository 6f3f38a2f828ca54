"""Images built at a location on Docker: as on the embedded engine, from what Docker has, and nothing is left beside them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.support import docker_bench
from tests.support.docker_bench import Bench, Dockerd, folder, footprint, run
from tests.support.tinyimage import image_on
from tfnz_jupyter.errors import NotSupported

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
RUN echo alice:x:1234:1234::/:/bin/sh >>/etc/passwd && mkdir /data && chown 1234 /data
WORKDIR /srv/app
COPY --chown=1234 . ./
COPY <<EOF /said
here
EOF
USER alice
RUN id -u >/data/who; (sleep 1000 &)
ENV GREETING="good day"
ENTRYPOINT ["sh", "-c", "cat /data/who /said one sub/two; pwd; id -u; echo $GREETING; ls -a /.tfnz"]
'''
assert BEFORE not in built(location, text, context=context)
said = output(location, "app").splitlines()
assert said[:2] == ["1234", "here"] and said[2:] == ["12/srv/app", "1234", "good day"], said
assert built(location, text, context=context).count(BEFORE) == 5
"""
_FAILS = """
try:
    built(location, "FROM mine:1\\nRUN echo one\\nRUN echo two; exit 3\\n", "bad")
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
assert output(location, "mine:1", "cat /which || echo its own").endswith("its own\\n")
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


@pytest.fixture(scope="module")
def docker() -> Iterator[Dockerd]:
    """It has an image of its user's, ``mine:1``."""
    with docker_bench.apart(), docker_bench.dockerd() as started:
        yield started
