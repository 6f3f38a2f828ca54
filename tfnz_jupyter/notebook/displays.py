"""How the objects of the SDK show themselves in this shell.

Each object has one live source, however often it is shown. What is displayed is its static view, which names a place; where
a front end has widgets, the object's own one stands there instead (``static/places.js``). So what is saved is readable
wherever there is no kernel, and comes to life where there is one. When a container or session ends, every display of it is
replaced by its last static view.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import uuid
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from msgspec.structs import replace

from ..errors import NotSupported, TfnzError
from ..sdk.container import Container
from ..sdk.external import ExternalContainer
from ..sdk.location import Location
from ..sdk.node import Node
from ..sdk.process import Process
from . import views
from .chatter import Chatter
from .feeds import BoardFeed, CardFeed, listed
from .pump import Pump
from .saved import Saved
from .small import Small, SmallFeed, snapshot
from .snapshots import of_container, words_of
from .stills import ALL, Bundle, Stills
from .terminals import TerminalFeed, bundle, open_shell

if TYPE_CHECKING:
    from .widgets import BoardWidget, CardWidget, SmallWidget, TerminalWidget

    AnyWidget = BoardWidget | CardWidget | SmallWidget | TerminalWidget

log = logging.getLogger(__name__)

#: A card that freezes waits this long for the last lines of its container (seconds).
_LAST_WORDS = 2.0

#: Of an object shown very often, so many of its displays are kept fresh while it lives; at its end all are.
_FRESH = 4

#: What has a terminal: a process, or a container whose command has one.
Typed = TypeVar("Typed", Process, Container)

_VIEW = "application/vnd.jupyter.widget-view+json"
_SHOWN: tuple[type, ...] = (Container, ExternalContainer, Location, *get_args(Small))
_CLASSES: tuple[type, ...] = (*_SHOWN, Node)


class Displays:
    """What is shown in one shell, and the thread that keeps it live.

    Args:
        ip: the InteractiveShell.
        tail: gives how many lines of output a static view keeps.
        proxy: gives whether links may lead through jupyter-server-proxy.
    """

    def __init__(self, ip: Any, *, tail: Callable[[], int], proxy: Callable[[], bool]) -> None:
        self.ip = ip
        self.pump = Pump()
        self.stills = Stills(tail)
        self._proxy = proxy
        self._chatter = Chatter()
        self._cards: dict[str, CardWidget] = {}
        self._smalls: dict[str, SmallWidget] = {}
        self._boards: dict[tuple[str, tuple[str, ...]], BoardWidget] = {}
        self._shown: dict[object, list[str]] = {}
        self._saved: dict[object, Saved] = {}
        self._replacing = threading.RLock()
        self._told: set[int] = set()

    # -- showing -------------------------------------------------------------------------------------------------------

    @property
    def live(self) -> bool:
        """Whether there is a front end that could show widgets."""
        return hasattr(self.ip, "kernel")

    def show(self, thing: object) -> None:
        """Display an object of the SDK."""
        if isinstance(thing, Container):
            self._publish(thing.uuid, self._card_bundle(thing))
        elif isinstance(thing, Location):
            self.board(thing, ALL)
        elif isinstance(thing, Small):
            self._publish(thing.uuid, self._small_bundle(thing))
        else:
            self._publish(None, self.stills.of(thing))

    def show_once(self, thing: object) -> None:
        """Display it, and not again if it is also the value of the cell."""
        self.show(thing)
        self._told.add(id(thing))

    def tell(self, container: Container, why: str) -> None:
        """Something asked of a container could not be done, and nobody waits for it: its card says so."""
        log.warning("%s: %s", container.name, why)
        if card := self._cards.get(container.uuid):
            card.complain(why)

    def board(self, location: Location, sections: tuple[str, ...]) -> None:
        """Display a location, or some sections of it: names of ``ALL``."""
        assert set(sections) <= set(ALL), sections
        self._publish((location.uuid, sections), self._board_bundle(location, sections))

    def forget_told(self, *_: object) -> None:
        """A new cell begins."""
        self._told.clear()

    def _settle_all(self, *_: object) -> None:
        """A cell has ended."""
        for saved in list(self._saved.values()):
            saved.settle()

    def _publish(self, key: object, bundle: Bundle) -> None:
        transient = {}
        if key is not None and self.live:
            name = uuid.uuid4().hex
            transient["display_id"] = name
            self._shown.setdefault(key, []).append(name)
        self.ip.display_pub.publish(bundle, {}, transient=transient)

    def _keep_fresh(
        self,
        key: object,
        widget: AnyWidget,
        still: Callable[[], Bundle],
        look: Callable[[], tuple[object, int]],
    ) -> None:
        """Replace the static view under a widget as what it shows changes, until it is frozen."""

        def refresh() -> None:
            with self._replacing:
                if not saved.over:
                    self._replace(self._shown.get(key, [])[-_FRESH:], _alive(still(), widget))

        saved = self._saved[key] = Saved(look, refresh)
        self.pump.add(saved)

    def settle(self, container: Container) -> None:
        """Show now that a container is over, from the cell that ended it: what is published later may not be saved."""
        with contextlib.suppress(TfnzError):
            container.wait_exit(timeout=_LAST_WORDS)
        self._freeze(container.uuid, partial(self.stills.of, container))

    def _freeze(self, key: object, still: Callable[[], Bundle]) -> None:
        """Replace every display of something that is over."""
        with self._replacing:
            if saved := self._saved.pop(key, None):
                saved.stop()
            self._replace(self._shown.pop(key, []), still())

    def _replace(self, names: list[str], bundle: Bundle) -> None:
        for name in names:
            self.ip.display_pub.publish(bundle, {}, transient={"display_id": name}, update=True)

    def terminal(self, name: str, start: Callable[[TerminalFeed], Typed]) -> Typed:
        """Display a terminal named ``name``; ``start`` begins its process or container, which is returned.

        Raises:
            NotSupported: this shell has no page to show one.
        """
        if not self.live:
            raise NotSupported(
                "a terminal needs a notebook's page",
                hint="In a shell: tfnz shell, or tfnz spawn -it",
            )
        widget, process = self._terminal(name, start)
        self._publish(process.uuid, _alive(self.stills.of(process), widget))
        self._told.add(id(process))
        return process

    def _terminal(
        self, name: str, start: Callable[[TerminalFeed], Typed]
    ) -> tuple[TerminalWidget, Typed]:
        from .widgets import TerminalWidget  # late, as below

        feed = TerminalFeed(
            on_over=lambda: self._freeze(process.uuid, partial(self.stills.of, process))
        )
        process: Typed = start(feed)
        feed.process = process
        command = process.command if isinstance(process, Container) else process.cmd
        about = {"name": name, "command": words_of(command), "emulator": bundle().version}
        return TerminalWidget(feed, self.pump, initial=about, options={}), process

    def _shell_in(self, container: Container) -> str:
        """A terminal for a card; the id of its model."""
        widget, _ = self._terminal(container.name, partial(open_shell, container))
        return str(widget.model_id)

    # -- bundles -------------------------------------------------------------------------------------------------------

    def _card_bundle(self, container: Container) -> Bundle:
        over = of_container(container).over and container.log.closed
        return self._bundle(partial(self.stills.of, container), self._card, over, container)

    def _bundle(
        self,
        still: Callable[[], Bundle],
        widget: Callable[..., AnyWidget],
        over: bool,
        *things: Any,
    ) -> Bundle:
        """A static view, live where there is a front end and the thing is not over."""
        if over or not self.live:
            return still()
        made = widget(*things)  # before the view: what changes between the two must not be missed
        return _alive(still(), made)

    def _card(self, container: Container) -> CardWidget:
        from .widgets import CardWidget  # late: only a shell with a front end needs it

        still = partial(self.stills.of, container)

        def look() -> tuple[object, int]:
            facts = of_container(container)
            return replace(facts, progress=None), container.log.total

        if container.uuid not in self._cards:
            feed = CardFeed(container, on_over=lambda: self._freeze(container.uuid, still))
            self._cards[container.uuid] = CardWidget(
                feed,
                self.pump,
                initial=feed.facts(),
                options=self.options(),
                shell=partial(self._shell_in, container),
            )
            self._keep_fresh(container.uuid, self._cards[container.uuid], still, look)
        return self._cards[container.uuid]

    def _small_bundle(self, thing: Small) -> Bundle:
        still = partial(self.stills.of, thing)
        return self._bundle(still, self._small, snapshot(thing).over, thing)

    def _small(self, thing: Small) -> SmallWidget:
        from .widgets import SmallWidget  # late, as above

        still = partial(self.stills.of, thing)

        def look() -> tuple[object, int]:
            return snapshot(thing), thing.log.total if isinstance(thing, Process) else 0

        if thing.uuid not in self._smalls:
            feed = SmallFeed(thing, on_over=lambda: self._freeze(thing.uuid, still))
            self._smalls[thing.uuid] = SmallWidget(
                feed, self.pump, initial=feed.facts(), options=self.options()
            )
            self._keep_fresh(thing.uuid, self._smalls[thing.uuid], still, look)
        return self._smalls[thing.uuid]

    def _board_bundle(self, location: Location, sections: tuple[str, ...]) -> Bundle:
        still = partial(self.stills.board, location, sections)
        return self._bundle(still, self._board, location.dead, location, sections)

    def _board(self, location: Location, sections: tuple[str, ...]) -> BoardWidget:
        from .widgets import BoardWidget  # late, as above

        key = (location.uuid, sections)
        still = partial(self.stills.board, location, sections)

        def look() -> tuple[object, int]:
            return [(one.id, one.state) for one in listed(location)], 0

        if key not in self._boards:
            feed = BoardFeed(location, on_over=lambda: self._freeze(key, still))
            options = {**self.options(), "sections": list(sections)}
            self._boards[key] = BoardWidget(feed, self.pump, initial=feed.facts(), options=options)
            self._keep_fresh(key, self._boards[key], still, look)
        return self._boards[key]

    def options(self) -> dict[str, Any]:
        """What a page must know beside the facts."""
        return {"proxy": self._proxy() and find_spec("jupyter_server_proxy") is not None}

    def refresh_options(self) -> None:
        """A setting has changed: tell what is already shown."""
        for widget in [*self._cards.values(), *self._boards.values(), *self._smalls.values()]:
            widget.options = {**widget.options, **self.options()}

    # -- registration --------------------------------------------------------------------------------------------------

    def register(self) -> None:
        """Have this shell show our objects by these views."""
        formatters = self.ip.display_formatter.formatters
        for cls in _CLASSES:
            formatters["text/html"].for_type(cls, self.stills.html)
        for cls in _SHOWN:
            self.ip.display_formatter.ipython_display_formatter.for_type(cls, self._display)
        if self.live:
            self._chatter.bound()
        self.ip.events.register("pre_run_cell", self.forget_told)
        self.ip.events.register("post_run_cell", self._settle_all)

    def unregister(self) -> None:
        """Take that back, and let what is shown rest."""
        self.pump.stop()
        self._chatter.free()
        formatters = self.ip.display_formatter.formatters
        for cls in _CLASSES:
            formatters["text/html"].pop(cls, None)
        for cls in _SHOWN:
            self.ip.display_formatter.ipython_display_formatter.pop(cls, None)
        self.ip.events.unregister("pre_run_cell", self.forget_told)
        self.ip.events.unregister("post_run_cell", self._settle_all)

    def _display(self, thing: object) -> None:
        """The shell wants to show a value."""
        if id(thing) in self._told:
            self._told.discard(id(thing))
        else:
            self.show(thing)


def _alive(still: Bundle, widget: AnyWidget) -> Bundle:
    """A static view in whose place a widget stands, where there is one."""
    alive = {**still, "text/html": views.placed(still["text/html"], widget.place)}
    if _apart():
        alive[_VIEW] = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    return alive


def _apart() -> bool:
    """Whether the front end keeps every output in a frame of its own, where only the output's own widget is live.

    VS Code and Colab do. What they save shows a card only while its kernel lives; elsewhere it shows the static view.
    """
    return "VSCODE_PID" in os.environ or "google.colab" in sys.modules
