"""Credit: never more on the way than the reader granted, and never a stall while it reads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfnz_jupyter.errors import ProtocolError
from tfnz_jupyter.wire.streams import WINDOW, Receiving, Sending


def test_a_sender_stops_at_its_window():
    sending = Sending()
    sending.advance(WINDOW)
    assert sending.room == 0


@given(st.lists(st.tuples(st.integers(1, WINDOW), st.integers(0, 4)), max_size=60))
def test_a_reader_that_reads_never_starves_its_sender(steps):
    sending, receiving = Sending(), Receiving()
    for wanted, _ in steps:
        size = min(wanted, sending.room)
        assert size > 0
        receiving.arrive(sending.advance(size), size)
        if (offset := receiving.use(size)) is not None:
            sending.grant(offset)
        assert receiving.offset + sending.room <= receiving.offset + WINDOW


def test_a_chunk_out_of_place_is_an_error():
    with pytest.raises(ProtocolError, match="at 5 where 0"):
        Receiving().arrive(5, 1)


def test_a_chunk_beyond_the_window_is_an_error():
    with pytest.raises(ProtocolError, match="beyond"):
        Receiving().arrive(0, WINDOW + 1)


def test_skipped_bytes_cost_no_window():
    sending, receiving = Sending(), Receiving()
    sending.advance(10 * WINDOW)
    receiving.skip(10 * WINDOW)
    offset = receiving.use(0)
    assert offset is not None
    sending.grant(offset)
    assert sending.room == WINDOW
