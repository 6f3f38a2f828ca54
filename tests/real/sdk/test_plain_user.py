"""A location of an ordinary user's: whatever root alone can do, names are served and containers measured all the same."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support import plain_user

ROOT = Path(__file__).parents[3]
PROGRAM = """
import os
from tests.real.conftest import end_location
from tests.support.eventually import eventually
from tests.support.web import get, site
from tfnz_jupyter import Cluster, Location
assert os.getuid() != 0
with Location() as location:
    web = site(location.node(), 'here')
    endpoint = location.endpoint_for('web.localhost')
    endpoint.publish(Cluster(containers=[web]), 'web.localhost')
    assert get(endpoint.url('web.localhost')).body == 'here'
    secure = endpoint.url('web.localhost', ssl=True)
    assert get(secure, authority=location.authority()).body == 'here'
    used = eventually(lambda: web.stats and web.stats.memory and web.stats, within=30)
    assert used.processes >= 2
end_location()
print('all is well')
"""


def test_an_ordinary_users_location_serves_names_on_ports_it_may_have():
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
    assert done.stdout.endswith("all is well\n"), done.stdout
