"""The widgets: a card for a container, a board for a location, a terminal, one for small objects. One model each.

The model holds nothing that changes: what is live goes to the page as messages (see ``feeds``), so no trait is ever set
from a thread. ``initial`` lets a view draw before the kernel has said a word.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable
from typing import Any, ClassVar

import anywidget
import ipywidgets  # type: ignore[import-untyped]  # it says none
import traitlets

from ..errors import ContainerEnded, TfnzError
from . import assets
from .feeds import BoardFeed, CardFeed
from .pump import Pump
from .small import SmallFeed
from .terminals import TerminalFeed

log = logging.getLogger(__name__)


class _Live(anywidget.AnyWidget):
    _css: ClassVar[str] = assets.style(live=True)
    initial = traitlets.Dict().tag(sync=True)
    options = traitlets.Dict().tag(sync=True)
    place = traitlets.Unicode().tag(sync=True)  # where it stands in a page: see static/places.js

    def __init__(
        self, feed: CardFeed | BoardFeed | SmallFeed | TerminalFeed, pump: Pump, **traits: Any
    ) -> None:
        super().__init__(place=uuid.uuid4().hex, layout=_layout(), **traits)
        self._feed = feed
        self._pump = pump
        self.on_msg(self._heard)
        _let_messages_in(self.comm)
        feed.page = self
        pump.add(feed)

    def _heard(self, widget: object, content: dict[str, Any], buffers: object) -> None:
        """From the page, on any thread, perhaps while a cell runs: note it and return."""
        self._take(content)
        self._pump.add(self._feed)

    def _take(self, content: dict[str, Any]) -> None:
        raise NotImplementedError


_one_layout: Any = None


def _layout() -> Any:
    """The same for all: each would be a model of its own, which a page is told of in 1.5 kB."""
    global _one_layout
    if _one_layout is None or _one_layout.comm is None:  # closed with all widgets of the kernel
        _one_layout = ipywidgets.Layout()
    return _one_layout


def _let_messages_in(comm: Any) -> None:
    """Have clicks handled while a cell runs.

    ipykernel 7.4 hands a comm's messages to the shell that last published on it, and a widget is made in a cell: of the
    main shell, which is busy. Elsewhere they go to a subshell of their own already.
    """
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda data, default: default


class CardWidget(_Live):
    """A container, live."""

    _esm: ClassVar[str] = assets.module("card")
    _feed: CardFeed

    def __init__(
        self, feed: CardFeed, pump: Pump, *, shell: Callable[[], str], **traits: Any
    ) -> None:
        self._shell = shell  # opens a terminal; the id of its model
        super().__init__(feed, pump, **traits)

    def _take(self, content: dict[str, Any]) -> None:
        feed, request = self._feed, str(content.get("id", ""))
        match content.get("type"):
            case "ready":
                feed.ready()
            case "ack":
                feed.acknowledged()
            case "fetch":
                at, first, limit = (int(content[key]) for key in ("at", "first", "limit"))
                feed.fetch(request, at, first, min(limit, 5000))
            case "save":
                feed.answer_with({"saved": request}, [feed.container.logs()])
            case "destroy" | "reboot" | "terminal" as wish:
                feed.answer(request)
                deed = {"destroy": self._destroy, "reboot": self._reboot, "terminal": self._open}[
                    wish
                ]
                threading.Thread(
                    target=self._attempt, args=(deed,), name=f"tfnz-{wish}", daemon=True
                ).start()

    def complain(self, why: str) -> None:
        """Say on the card what could not be done; any thread."""
        self._feed.answer("", failed=why)
        self._pump.add(self._feed)

    def _attempt(self, deed: Callable[[], None]) -> None:
        try:
            deed()
        except ContainerEnded:
            log.debug("already over: %r", self._feed.container)
        except TfnzError as error:
            self.complain(str(error))

    def _destroy(self) -> None:
        self._feed.container.destroy()

    def _reboot(self) -> None:
        self._feed.container.reboot()

    def _open(self) -> None:
        self._feed.answer_with({"terminal": self._shell()}, [])
        self._pump.add(self._feed)


class BoardWidget(_Live):
    """A location, live."""

    _esm: ClassVar[str] = assets.module("board")
    _feed: BoardFeed

    def _take(self, content: dict[str, Any]) -> None:
        if content.get("type") == "ready":
            self._feed.changed()


class SmallWidget(_Live):
    """A small object, live."""

    _esm: ClassVar[str] = assets.module("small")
    _feed: SmallFeed

    def _take(self, content: dict[str, Any]) -> None:
        match content.get("type"):
            case "ready":
                self._feed.ready()
            case "ack":
                self._feed.acknowledged()


class TerminalWidget(_Live):
    """A process with a terminal, live. What draws it is not here: a page asks for it once (see ``static/terminal.js``)."""

    _css: ClassVar[str] = ""
    _esm: ClassVar[str] = assets.module("terminal")
    _feed: TerminalFeed

    def _take(self, content: dict[str, Any]) -> None:
        feed, request = self._feed, str(content.get("id", ""))
        match content.get("type"):
            case "ready":
                feed.ready()
            case "ack":
                feed.acknowledged(int(content["at"]))
            case "emulator":
                feed.give_bundle()
            case "key":
                feed.key(bytes(content["keys"]), str(content.get("page", "")), int(content["n"]))
            case "size":
                feed.resize(int(content["columns"]), int(content["rows"]))
            case "close":
                feed.answer(request)
                feed.close()
