"""What a session has asked of its location, and has no answer to yet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from ..errors import TfnzError, UsageError, from_wire
from ..wire.messages import Progressed, Value, Verb


@dataclass(slots=True)
class Asked:
    """One call. ``sent``: on a connection; otherwise it has never left this program."""

    verb: Verb
    sent: bool
    answer: asyncio.Future[Value] | None  # None where nobody waits for it
    report: Callable[[Progressed], None] | None

    @property
    def streams(self) -> set[int]:
        """Those that it opens."""
        names = ("output", "input")
        return {getattr(self.verb, name) for name in names if hasattr(self.verb, name)}


class Calls:
    """By number, in the order they were asked."""

    def __init__(self) -> None:
        self._open: dict[int, Asked] = {}

    def ask(
        self,
        number: int,
        verb: Verb,
        *,
        sent: bool,
        answer: asyncio.Future[Value] | None = None,
        report: Callable[[Progressed], None] | None = None,
    ) -> None:
        """One more."""
        self._open[number] = Asked(verb, sent, answer, report)

    def forget(self, number: int) -> None:
        """Nobody wants to know any more. Idempotent."""
        self._open.pop(number, None)

    def progressed(self, progress: Progressed) -> None:
        """How far one is."""
        asked = self._open.get(progress.id)
        if asked is not None and asked.report is not None:
            asked.report(progress)

    def answered(self, number: int, answer: Value | TfnzError) -> None:
        """One is answered."""
        asked = self._open.pop(number, None)
        if asked is None or asked.answer is None or asked.answer.done():
            return
        if isinstance(answer, TfnzError):
            asked.answer.set_exception(answer)
        else:
            asked.answer.set_result(answer)

    def fail(self, why: TfnzError) -> None:
        """None will be answered."""
        for number in list(self._open):
            self.answered(number, from_wire(why.code, why.message, why.hint, why.detail))

    def left(self) -> None:
        """There is a connection again: all have been sent."""
        for asked in self._open.values():
            asked.sent = True

    def open(self) -> list[tuple[int, Asked]]:
        """All that are not answered."""
        return list(self._open.items())


def check(verb: Verb) -> None:
    """Find here what the location would find, before it does.

    Raises:
        UsageError: a field of the verb has a type it cannot have.
    """
    try:
        msgspec.convert(msgspec.structs.asdict(verb), type(verb))
    except msgspec.ValidationError as problem:
        what, _, where = str(problem).partition(" - at `$.")
        raise UsageError(f"{where.rstrip('`') or type(verb).__name__}: {what}") from problem
