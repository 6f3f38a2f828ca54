"""What every message is, and which end may say it.

``Asked`` is what a program may ask of a location (inside a ``Call``), ``Answer`` what it may get back (inside a ``Result``).
"""

from __future__ import annotations

from typing import ClassVar

import msgspec


class Said(msgspec.Struct, frozen=True, tag_field="t", omit_defaults=True):
    """A message that both ends may send, unless it says otherwise."""

    from_client: ClassVar[bool] = True
    from_server: ClassVar[bool] = True
    #: Whether it only moves an open stream on: it sets nothing off that must begin before the next message is heard.
    flows: ClassVar[bool] = False


class Asked(Said, frozen=True):
    """A verb: only a client's to send."""

    from_server: ClassVar[bool] = False


class Answer(Said, frozen=True):
    """The result of a verb: only a location's to send."""

    from_client: ClassVar[bool] = False


class Done(Answer, frozen=True, tag="done"):
    """It is done, and there is nothing more to say."""
