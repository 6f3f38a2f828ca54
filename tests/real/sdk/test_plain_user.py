"""A location of an ordinary user's: whatever root alone can do, names are served, containers measured and images built."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.support import plain_user

ROOT = Path(__file__).parents[3]
PROGRAM = """
import os
from contextlib import suppress
from pathlib import Path
from tests.real.conftest import end_location
from tests.support.dockerfiles import BEFORE, built, folder, output
from tests.support.eventually import eventually
from tests.support.web import get, site
from tfnz_jupyter import Cluster, CommandFailed, Location
assert os.getuid() != 0
with Location() as location:
    web = site(location.node(), 'here')
    endpoint = location.endpoint_for('web.localhost')
    endpoint.publish(Cluster(containers=[web]), 'web.localhost')
    assert get(endpoint.url('web.localhost')).body == 'here'
    secure = endpoint.url('web.localhost', ssl=True)
    assert get(secure, authority=location.authority()).body == 'here'
    print('served', flush=True)
    used = eventually(lambda: web.stats and web.stats.memory and web.stats, within=30)
    assert used.processes >= 2
    print('measured', flush=True)
    def burst():
        many = [location.node().spawn_container('busybox', command=['echo', 'hello']) for _ in range(20)]
        assert [one.wait_exit() for one in many] == [0] * 20
        assert {one.logs() for one in many} == {b'hello\\n'}
    def waits(command):
        with suppress(OSError):
            return b'/gates/' in command.read_bytes()
    burst()
    eventually(lambda: any(map(waits, Path('/proc').glob('[0-9]*/cmdline'))), within=30)
    burst()
    print('burst', flush=True)
    context = folder(Path(os.environ['TFNZ_HOME'], 'context'), one='1')
    text = '''
FROM busybox
COPY --chown=1234:99 one /srv/
RUN echo two >/srv/two && chown 1234 /srv/two && rm -r /home
USER 1234
CMD cd /srv && stat -c '%n %u %g' one two; id -u; ls -d /home 2>/dev/null || echo no home
'''
    assert BEFORE not in built(location, text, context=context)
    assert built(location, text, context=context).count(BEFORE) == 2
    said = output(location, 'app')
    assert said.split('\\n')[:4] == ['one 1234 99', 'two 1234 0', '1234', 'no home'], said
    try:
        built(location, 'FROM busybox\\nRUN exit 3')
        raise SystemExit('it did not fail')
    except CommandFailed as error:
        assert 'line 2' in error.message, error
    print('built', flush=True)
end_location()
print('all is well')
"""


@pytest.fixture(scope="module")
def said() -> str:
    """What the program says as an ordinary user: a word for each thing that works."""
    scratch = tempfile.mkdtemp(prefix="tfnz-", dir="/tmp")
    reachable = ":".join(map(str, (sys.base_prefix, sys.prefix, ROOT)))
    as_plain_user = [sys.executable, "-m", plain_user.__name__, scratch, reachable]
    environment = {k: v for k, v in os.environ.items() if k != "TFNZ_HOME"}
    done = subprocess.run(
        [*as_plain_user, sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env=environment | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=110,
        check=False,
    )
    shutil.rmtree(scratch)
    return done.stdout


def test_an_ordinary_users_location_serves_names_on_ports_it_may_have(said: str):
    assert said.startswith("served\nmeasured\n"), said


def test_an_ordinary_users_location_starts_many_at_once_twice(said: str):
    """The second time it has them prepared further."""
    assert "measured\nburst\n" in said, said


def test_an_ordinary_users_location_builds_images(said: str):
    assert said.endswith("built\nall is well\n"), said
