"""What is on the way suits the link: all a fast one can take, and no more than half a second or so of a slow one."""

from collections import deque

import pytest

from tfnz_jupyter.wire.pace import FIRST, LEAST, MOST, Pace

PIECE = 64 * 1024


def flood(rate, delay, seconds=20.0):
    """Send as much as may be on the way through a link of so many bytes a second; the size at each acknowledgement."""
    pace, now, free_at, held = Pace(), 0.0, 0.0, 0
    way, sizes = deque(), []
    while now < seconds:
        while held + PIECE <= pace.size:
            free_at = max(free_at, now) + PIECE / rate
            way.append((now, free_at + delay))
            held += PIECE
        sent, now = way.popleft()
        held -= PIECE
        pace.acknowledged(PIECE, now - sent, now)
        sizes.append(pace.size)
    return sizes


def test_a_fast_link_is_soon_filled():
    assert flood(rate=500e6, delay=0.001, seconds=0.2)[-1] == MOST


def test_a_far_link_is_filled_as_well():
    assert flood(rate=100e6, delay=0.3, seconds=5)[-1] > 4 * FIRST


@pytest.mark.parametrize("rate", [300e3, 1e6, 2e6])
def test_a_slow_link_has_little_on_the_way(rate):
    late = flood(rate, delay=0.05, seconds=30)[-20:]
    assert max(late) <= max(LEAST, rate * 1.2)


def test_one_late_acknowledgement_is_no_reason_to_stop():
    pace = Pace()
    pace.acknowledged(PIECE, 0.01, 1.0)
    for _ in range(10):
        pace.acknowledged(PIECE, 4.0, 5.0)
    assert pace.size > FIRST // 3
