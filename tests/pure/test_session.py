"""A session loses nothing and doubles nothing, whatever happens to its connection."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.pair import Pair
from tfnz_jupyter.errors import ProtocolError
from tfnz_jupyter.wire import messages as m
from tfnz_jupyter.wire.codec import encode
from tfnz_jupyter.wire.pace import FIRST
from tfnz_jupyter.wire.session import BEAT_EVERY, QUIET, SILENCE, Session


def said(pair, *, by_client):
    return [message.offset for message, _ in pair.got[not by_client]]


def test_messages_arrive_in_order_with_their_bytes():
    pair = Pair()
    pair.client.send(m.Chunk(1, 0), b"one")
    pair.client.send(m.Chunk(1, 3), b"two")
    pair.carry()
    assert pair.got[False] == [(m.Chunk(1, 0), b"one"), (m.Chunk(1, 3), b"two")]


def test_what_was_on_the_way_when_the_connection_was_cut_arrives_once():
    pair = Pair()
    for n in range(5):
        pair.client.send(m.Chunk(1, n), b"")
    pair.carry(most=2)
    pair.cut()
    pair.carry()
    assert said(pair, by_client=True) == [0, 1, 2, 3, 4]


@given(st.lists(st.sampled_from(["client", "server", "carry", "one", "cut"]), max_size=80))
def test_any_history_of_cuts_delivers_each_message_once_in_order(history):
    pair, sent = Pair(), {True: 0, False: 0}
    for step in history:
        if step in ("client", "server"):
            end = pair.client if step == "client" else pair.server
            end.send(m.Chunk(1, sent[end.client]), b"")
            sent[end.client] += 1
        elif step == "cut":
            pair.cut()
        else:
            pair.carry(most=1 if step == "one" else 10_000)
    pair.cut()
    pair.carry()
    assert said(pair, by_client=True) == list(range(sent[True]))
    assert said(pair, by_client=False) == list(range(sent[False]))


def test_what_was_acknowledged_is_no_longer_held():
    pair = Pair()
    for n in range(100):
        pair.client.send(m.Chunk(1, n), b"x" * 1000)
        pair.carry()
    assert pair.client.held < 20 * 1100
    pair.cut()
    assert len(pair.client.outgoing) < 20


def test_an_end_that_has_forgotten_what_it_acknowledged_cannot_go_on():
    pair = Pair()
    for n in range(100):
        pair.client.send(m.Chunk(1, n), b"")
    pair.carry()
    with pytest.raises(ProtocolError, match="forgotten"):
        pair.client.resume(0, now=0)


def test_large_messages_are_acknowledged_before_many_have_come():
    pair = Pair()
    for n in range(8):
        pair.client.send(m.Chunk(1, n), bytes(FIRST // 8))
    assert not pair.client.room
    pair.carry()
    assert pair.client.room


def test_a_gap_in_the_numbers_is_an_error():
    end = Session(client=False, now=0)
    with pytest.raises(ProtocolError, match="message 2 came after message 0"):
        end.receive(encode(m.Data(2, 0, m.End(1))), 0)


def test_acknowledging_what_was_never_sent_is_an_error():
    end = Session(client=False, now=0)
    with pytest.raises(ProtocolError, match="claims message 9"):
        end.receive(encode(m.Beat(9)), 0)


def test_a_quiet_end_beats_so_that_the_other_knows_it_lives():
    pair = Pair()
    pair.client.tick(BEAT_EVERY + 0.1)
    pair.now = BEAT_EVERY + 0.1
    pair.carry()
    assert pair.server.tick(pair.now + SILENCE - 1)


def ticked(end, since, until):
    """Let the seconds pass one by one; the last answer."""
    alive = True
    for second in range(since, until + 1):
        alive = end.tick(float(second))
    return alive


def test_a_session_lives_until_just_before_the_silence_is_too_long():
    end = Session(client=False, now=0)
    assert ticked(end, 0, int(SILENCE) - 1)
    assert not ticked(end, int(SILENCE), int(SILENCE))


def test_a_connection_that_says_nothing_is_taken_for_lost():
    end = Session(client=True, now=0)
    ticked(end, 0, int(QUIET) - 1)
    assert not end.lost(QUIET - 1)
    assert end.lost(QUIET)


def test_a_connection_that_carries_one_way_only_is_taken_for_lost():
    pair = Pair()
    for second in range(int(QUIET) + 6):
        pair.now = float(second)
        pair.client.tick(pair.now)
        pair.server.tick(pair.now)
        pair.client.outgoing.clear()  # nothing of the client's arrives
        pair.carry()
    assert pair.client.lost(pair.now)
    pair.cut()
    assert not pair.client.lost(pair.now)


def test_beats_keep_a_connection_that_carries_nothing_else():
    pair = Pair()
    for second in range(300):
        pair.now = float(second)
        assert pair.client.tick(pair.now)
        assert pair.server.tick(pair.now)
        pair.carry()
        assert not pair.client.lost(pair.now)


def test_who_was_stopped_or_asleep_has_missed_nothing_but_makes_a_new_connection():
    end = Session(client=True, now=0)
    ticked(end, 0, 3)
    assert end.tick(3 + 1000.0)
    assert end.lost(3 + 1000.0)
    end.resume(0, 1004.0)
    assert not end.lost(1004.0)


def test_a_location_that_was_stopped_ends_nobody_for_the_time_it_was_not_there():
    end = Session(client=False, now=0)
    ticked(end, 0, 100)
    assert end.tick(100 + 1000.0)
    assert ticked(end, 1101, 1100 + int(SILENCE) - 101)
    assert not ticked(end, 1100 + int(SILENCE) - 100, 1100 + int(SILENCE))


def test_nobody_beats_to_who_is_silent_for_too_long():
    end = Session(client=False, now=0)
    ticked(end, 0, int(SILENCE))
    end.outgoing.clear()
    ticked(end, int(SILENCE) + 1, int(SILENCE) + 1000)
    assert not end.outgoing
