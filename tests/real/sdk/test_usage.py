"""A container's own processor time and memory, live."""

import pytest

from tests.support.eventually import eventually
from tfnz_jupyter import Location

MIB = 1 << 20


@pytest.fixture
def busy(node):
    return node.spawn_container("busybox", command="while :; do :; done", tag="busy")


def test_a_containers_numbers_are_live_and_end_with_it(node, busy):
    idle = node.spawn_container("busybox", command="sleep 3600")
    eventually(lambda: busy.stats and busy.stats.cpu > 200, within=30)
    eventually(lambda: idle.stats and idle.stats.cpu < 50, within=30)
    assert (idle.stats.processes, idle.stats.memory < 32 * MIB) == (1, True)
    idle.destroy()
    assert idle.stats is None


def test_memory_that_is_taken_shows(node):
    holder = node.spawn_container("busybox", command="sleep 3600")
    eventually(lambda: holder.stats, within=30)
    holder.run_process("head -c 50000000 /dev/zero >/dev/shm/held")
    eventually(lambda: holder.stats.memory > 45 * MIB, within=30)


def test_who_watches_is_told(busy):
    told = []
    busy.on_change(lambda container: told.append(container.stats))
    eventually(lambda: len([stats for stats in told if stats]) > 1, within=30)


def test_a_tagged_container_shows_its_numbers_to_the_users_other_sessions(busy):
    busy.wait_until_ready()
    with Location() as other:
        eventually(lambda: "busy" in other.externals, within=30)
        external = other.external_container("busy")
        eventually(lambda: external.stats and external.stats.cpu > 200, within=30)
