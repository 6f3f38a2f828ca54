"""What is known about a container at the moment, without asking anybody."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ..wire.messages import ContainerChanged
from .handle import Handle

_READY = ("asleep", "running")
_LIVE = ("preparing", "booting", *_READY)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a container uses, as of about a second ago."""

    cpu: int  # thousandths of a core
    memory: int  # bytes
    processes: int


class Condition(Handle):
    """The part of a container that its location keeps up to date."""

    def __init__(self, uuid: str) -> None:
        super().__init__(uuid)
        self._news = ContainerChanged(uuid, "preparing")
        self._usage: Usage | None = None

    @property
    def state(self) -> str:
        """preparing (its image is on its way), booting, asleep (its command waits), running, ended or failed."""
        return self._news.state

    @property
    def progress(self) -> ContainerChanged | None:
        """How far it is while it is preparing or booting (``step``, ``text``, ``done``, ``total``), else None."""
        return self._news if self._news.step else None

    @property
    def stats(self) -> Usage | None:
        """What it uses, live: processor, memory, processes; None while it does not run, and for its first second."""
        return self._usage if self.is_ready() else None

    @property
    def ip(self) -> str | None:
        """Its private address, None until it runs."""
        return self._news.ip or None

    @property
    def returncode(self) -> int | None:
        """The exit code of its command (128 + n for signal n); None while it runs, or where nobody knows."""
        return self._news.code

    @property
    def reason(self) -> str:
        """Why it is over, in words; empty while it is not."""
        return self._news.reason

    @property
    def image_source(self) -> str:
        """Where the image came from: recipe, registry, docker, ...; empty until known."""
        return self._news.image_source

    @property
    def started_at(self) -> float | None:
        """When its command was started, seconds since the epoch."""
        return self._news.started_at

    @property
    def ended_at(self) -> float | None:
        """When it was over, seconds since the epoch."""
        return self._news.ended_at

    @property
    def dead(self) -> bool:
        """Whether it is over."""
        return self.state not in _LIVE

    @property
    def age(self) -> float:
        """Seconds it has run, or ran."""
        if self.started_at is None:
            return 0.0
        return max(0.0, (self.ended_at or time.time()) - self.started_at)

    def is_ready(self) -> bool:
        """Whether it runs, or sleeps and can be used."""
        return self.state in _READY
