"""SSH into a container of a location elsewhere: this program listens, the server is at the location, the link is cut."""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.proxy import Proxy
from tests.support.ssh_clients import Clients


def test_commands_and_files_come_through_a_link_that_is_cut(container, net: Proxy, tmp_path: Path):
    clients = Clients(container.create_ssh_server(0), tmp_path)
    data = os.urandom(3_000_000)
    (tmp_path / "data").write_bytes(data)
    net.cut_every(1_000_000)
    assert clients.scp(str(tmp_path / "data"), ":/tmp/data")[0] == 0
    assert clients.ssh("cat /tmp/data; exit 7")[:2] == (7, data)
    assert net.cuts > 3
