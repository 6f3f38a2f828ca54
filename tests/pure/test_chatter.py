"""What callbacks print into a cell: so much, then only how much more there was, told ever more rarely."""

from __future__ import annotations

import contextvars

from tfnz_jupyter.notebook import chatter
from tfnz_jupyter.notebook.chatter import Allowance
from tfnz_jupyter.sdk.callbacks import in_callback


def test_what_fits_is_shown_as_it_is():
    allowance = Allowance()
    assert [allowance.take(text) for text in ("a\n", "b")] == ["a\n", "b"]


def test_what_is_too_much_is_counted_and_the_count_told_whenever_it_has_doubled():
    allowance = Allowance()
    allowance.take("x" * chatter.ENOUGH)
    told = [shown for _ in range(100) if (shown := allowance.take("line\n"))]
    assert [words.split()[1] for words in told] == ["1", "2", "4", "8", "16", "32", "64"]
    assert "1 more line that" in told[0]


def test_a_piece_that_only_begins_to_be_too_much_is_cut_there():
    shown = Allowance().take("x" * (chatter.ENOUGH + 5) + "\n")
    assert shown.startswith("x" * chatter.ENOUGH + "\n... 1 more line")


def test_only_callbacks_are_bounded_and_each_by_itself(monkeypatch):
    monkeypatch.setattr(chatter, "ENOUGH", 3)
    written: list[str] = []

    def callback(text: str) -> None:
        in_callback.set(True)
        chatter._write(written.append, text)

    chatter._write(written.append, "a cell may print")
    for context in (contextvars.copy_context(), contextvars.copy_context()):
        context.run(callback, "abc")
        context.run(callback, "def")
    assert written == ["a cell may print", "abc", "abc"]
