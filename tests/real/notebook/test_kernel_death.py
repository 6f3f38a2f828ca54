"""However a kernel ends, its containers end with it, at once."""

import pytest

from tests.real.conftest import nothing_more, traces
from tests.support.eventually import eventually
from tests.support.kernel import kernel

THREE = """
from tfnz_jupyter import Location
loc = Location()
made = [loc.node().spawn_container('busybox', command=['sleep', '1000']) for _ in range(3)]
made[0].attach_tunnel(80)
[c.wait_until_ready() for c in made]
"""


@pytest.mark.parametrize(
    "end",
    [
        lambda manager: manager.signal_kernel(9),
        lambda manager: manager.shutdown_kernel(),
        lambda manager: manager.restart_kernel(),
    ],
    ids=["killed", "shut down", "restarted"],
)
def test_two_seconds_after_a_kernel_ended_nothing_of_it_is_left(before, end):
    with kernel() as dying:
        dying.ok(THREE)
        assert len(traces()["processes"]) > len(before["processes"])
        end(dying.manager)
        eventually(lambda: nothing_more(before), within=2)


def test_a_kernel_dies_while_its_image_is_on_the_way_and_nothing_is_left(before):
    with kernel() as dying:
        dying.ok("%tf spawn redis --name cache")
        dying.manager.signal_kernel(9)
        eventually(lambda: nothing_more(before), within=2)
