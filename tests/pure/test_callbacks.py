"""Callbacks run in order, on a thread of their own, in the context they were registered in; and may raise."""

import contextvars
import io
import threading

from tfnz_jupyter.sdk.callbacks import Callbacks, Subscribers

where = contextvars.ContextVar("where", default="nowhere")


def test_callbacks_run_in_order_off_the_callers_thread():
    seen, done, callbacks = [], threading.Event(), Callbacks("x")
    for n in range(100):
        callbacks.post(contextvars.copy_context(), seen.append, n)
    callbacks.post(contextvars.copy_context(), done.set)
    assert done.wait(10)
    assert seen == list(range(100))


def test_a_callback_runs_in_the_context_that_registered_it():
    seen, done, callbacks = [], threading.Event(), Callbacks("x")
    where.set("the cell")
    callbacks.post(contextvars.copy_context(), lambda: (seen.append(where.get()), done.set()))
    assert done.wait(10)
    assert seen == ["the cell"]


def test_a_raising_callback_is_reported_and_stops_nothing(capsys):
    done, callbacks = threading.Event(), Callbacks("x")
    callbacks.post(contextvars.copy_context(), lambda: 1 / 0)
    callbacks.post(contextvars.copy_context(), done.set)
    assert done.wait(10)
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_a_raising_callback_stops_nothing_when_stderr_is_closed(monkeypatch):
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr("sys.stderr", closed)
    done, callbacks = threading.Event(), Callbacks("x")
    callbacks.post(contextvars.copy_context(), lambda: 1 / 0)
    callbacks.post(contextvars.copy_context(), done.set)
    assert done.wait(10)


def test_a_slow_subscriber_is_told_once_for_many_changes():
    started, go, told = threading.Event(), threading.Event(), []
    subscribers = Subscribers("owner", Callbacks("x"))

    def slow(owner):
        told.append(owner)
        started.set()
        go.wait(10)

    subscribers.add(slow)
    subscribers.tell()
    assert started.wait(10)
    for _ in range(50):
        subscribers.tell()
    go.set()
    finished = threading.Event()
    subscribers.add(lambda owner: finished.set())
    subscribers.tell()
    assert finished.wait(10)
    assert 2 <= len(told) <= 3


def test_a_subscriber_that_left_is_not_told():
    told, done = [], threading.Event()
    subscribers = Subscribers("owner", Callbacks("x"))
    leave = subscribers.add(told.append)
    subscribers.add(lambda owner: done.set())
    leave()
    subscribers.tell()
    assert done.wait(10)
    assert told == []
