"""A session loses nothing and doubles nothing, whatever happens to its connection."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.pair import Pair
from tfnz_jupyter.errors import ProtocolError
from tfnz_jupyter.wire import messages as m
from tfnz_jupyter.wire.codec import encode
from tfnz_jupyter.wire.session import BEAT_EVERY, SILENCE, Session


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
    pair.client.resume(0)
    assert len(pair.client.outgoing) < 20


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


def test_a_session_lives_until_just_before_the_silence_is_too_long():
    end = Session(client=False, now=0)
    assert end.tick(SILENCE - 0.1)
    assert not end.tick(SILENCE)
