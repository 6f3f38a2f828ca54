"""How the objects of the SDK show themselves in this shell.

Each object has one live source, however often it is shown, and one static view that is saved beside it: the bundle of a
display holds both, and the front end takes what it can. When a container or session ends, every display of it is replaced
by its last static view, so that what is saved is readable where there is no kernel.
"""

from __future__ import annotations

import contextlib
import logging
import time
import uuid
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, get_args

from ..errors import NotSupported, TfnzError
from ..sdk.container import Container
from ..sdk.external import ExternalContainer
from ..sdk.location import Location
from ..sdk.node import Node
from ..sdk.process import Process
from . import assets, views
from .feeds import BoardFeed, CardFeed, listed
from .pump import Pump
from .rows import ROWS
from .small import Small, SmallFeed, snapshot
from .snapshots import of_container, of_location, of_log, of_node, words_of
from .terminals import TerminalFeed, emulator, open_shell
from .views_small import small_html

if TYPE_CHECKING:
    from .widgets import BoardWidget, CardWidget, SmallWidget, TerminalWidget

log = logging.getLogger(__name__)

#: A card that freezes waits this long for the last lines of its container (seconds).
_LAST_WORDS = 2.0

Bundle = dict[str, Any]
_VIEW = "application/vnd.jupyter.widget-view+json"
_SHOWN: tuple[type, ...] = (Container, ExternalContainer, Location, *get_args(Small))
_CLASSES: tuple[type, ...] = (*_SHOWN, Node)
ALL = ("nodes", "containers", *ROWS)


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
        self._tail, self._proxy = tail, proxy
        self._cards: dict[str, CardWidget] = {}
        self._smalls: dict[str, SmallWidget] = {}
        self._boards: dict[tuple[str, tuple[str, ...]], BoardWidget] = {}
        self._shown: dict[object, list[str]] = {}
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
            self._publish(None, self._static(thing))

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

    def _publish(self, key: object, bundle: Bundle) -> None:
        transient = {}
        if key is not None and _VIEW in bundle:
            name = uuid.uuid4().hex
            transient["display_id"] = name
            self._shown.setdefault(key, []).append(name)
        self.ip.display_pub.publish(bundle, {}, transient=transient)

    def settle(self, container: Container) -> None:
        """Show now that a container is over, from the cell that ended it: what is published later may not be saved."""
        with contextlib.suppress(TfnzError):
            container.wait_exit(timeout=_LAST_WORDS)
        self._freeze(container.uuid, self._static(container))

    def _freeze(self, key: object, bundle: Bundle) -> None:
        """Replace every display of something that is over."""
        for name in self._shown.pop(key, []):
            self.ip.display_pub.publish(bundle, {}, transient={"display_id": name}, update=True)

    def terminal(self, name: str, start: Callable[[TerminalFeed], Process]) -> Process:
        """Display a terminal named ``name``; ``start`` begins its process, which is returned.

        Raises:
            NotSupported: this shell has no page to show one.
        """
        if not self.live:
            raise NotSupported(
                "a terminal needs a notebook's page", hint=f"In a shell: tfnz shell {name}"
            )
        widget, process = self._terminal(name, start)
        self._publish(process.uuid, {**self._static(process), _VIEW: _view(widget)})
        self._told.add(id(process))
        return process

    def _terminal(
        self, name: str, start: Callable[[TerminalFeed], Process]
    ) -> tuple[TerminalWidget, Process]:
        from .widgets import TerminalWidget  # late, as below

        feed = TerminalFeed(on_over=lambda: self._freeze(process.uuid, self._static(process)))
        process = feed.process = start(feed)
        version, _ = emulator()
        about = {"name": name, "command": words_of(process.cmd), "emulator": version}
        return TerminalWidget(feed, self.pump, initial=about, options={}), process

    def _shell_in(self, container: Container) -> str:
        """A terminal for a card; the id of its model."""
        widget, _ = self._terminal(container.name, partial(open_shell, container))
        return str(widget.model_id)

    # -- bundles -------------------------------------------------------------------------------------------------------

    def _card_bundle(self, container: Container) -> Bundle:
        bundle = self._static(container)
        if self.live and not (of_container(container).over and container.log.closed):
            bundle[_VIEW] = _view(self._card(container))
        return bundle

    def _card(self, container: Container) -> CardWidget:
        from .widgets import CardWidget  # late: only a shell with a front end needs it

        def frozen() -> None:
            self._freeze(container.uuid, self._static(container))

        if container.uuid not in self._cards:
            feed = CardFeed(container, on_over=frozen)
            self._cards[container.uuid] = CardWidget(
                feed,
                self.pump,
                initial=feed.facts(),
                options=self.options(),
                shell=partial(self._shell_in, container),
            )
        return self._cards[container.uuid]

    def _small_bundle(self, thing: Small) -> Bundle:
        bundle = self._static(thing)
        if self.live and not snapshot(thing).over:
            bundle[_VIEW] = _view(self._small(thing))
        return bundle

    def _small(self, thing: Small) -> SmallWidget:
        from .widgets import SmallWidget  # late, as above

        if thing.uuid not in self._smalls:
            feed = SmallFeed(thing, on_over=lambda: self._freeze(thing.uuid, self._static(thing)))
            self._smalls[thing.uuid] = SmallWidget(
                feed, self.pump, initial=feed.facts(), options=self.options()
            )
        return self._smalls[thing.uuid]

    def _board_bundle(self, location: Location, sections: tuple[str, ...]) -> Bundle:
        bundle = self._board_static(location, sections)
        if self.live and not location.dead:
            bundle[_VIEW] = _view(self._board(location, sections))
        return bundle

    def _board(self, location: Location, sections: tuple[str, ...]) -> BoardWidget:
        from .widgets import BoardWidget  # late, as above

        key = (location.uuid, sections)

        def frozen() -> None:
            self._freeze(key, self._board_static(location, sections))

        if key not in self._boards:
            feed = BoardFeed(location, on_over=frozen)
            options = {**self.options(), "sections": list(sections)}
            self._boards[key] = BoardWidget(feed, self.pump, initial=feed.facts(), options=options)
        return self._boards[key]

    def options(self) -> dict[str, Any]:
        """What a page must know beside the facts."""
        return {"proxy": self._proxy() and find_spec("jupyter_server_proxy") is not None}

    def refresh_options(self) -> None:
        """A setting has changed: tell what is already shown."""
        for widget in [*self._cards.values(), *self._boards.values(), *self._smalls.values()]:
            widget.options = {**widget.options, **self.options()}

    # -- static views --------------------------------------------------------------------------------------------------

    def _static(self, thing: object) -> Bundle:
        return {"text/plain": self._text(thing), "text/html": self._html(thing)}

    def _text(self, thing: object) -> str:
        if isinstance(thing, Container):
            printed = of_log(thing.log, self._tail())
            return views.container_text(of_container(thing), printed, time.time())
        return repr(thing)

    def _html(self, thing: object) -> str:
        style, tail = assets.style(live=False), self._tail()
        match thing:
            case Container():
                log = of_log(thing.log, tail)
                return views.container_html(of_container(thing), log, time.time(), style)
            case Node():
                return views.table_html(
                    views.NODE_HEADS, views.node_rows([of_node(thing)]), style=style
                )
            case Location():
                return str(self._board_static(thing, ALL)["text/html"])
        printed = of_log(thing.log, tail) if isinstance(thing, Process) else None
        return small_html(snapshot(thing), printed, style)

    def _board_static(self, location: Location, sections: tuple[str, ...]) -> Bundle:
        tables: list[tuple[tuple[str, ...], list[tuple[str, ...]]]] = []
        if "nodes" in sections:
            rows = views.node_rows(of_node(node) for node in list(location.nodes.values()))
            tables.append((views.NODE_HEADS, rows))
        if "containers" in sections:
            rows = views.container_rows(listed(location), time.time())
            tables.append((views.CONTAINER_HEADS, rows))
        for section, found in ROWS.items():
            if section in sections:
                heads = (section.removesuffix("s"), "")
                tables.append((heads, [(row.name, row.words) for row in found(location)]))
        line = views.location_line(of_location(location))
        return {
            "text/plain": views.board_text(line, tables),
            "text/html": views.board_html(line, tables, assets.style(live=False)),
        }

    # -- registration --------------------------------------------------------------------------------------------------

    def register(self) -> None:
        """Have this shell show our objects by these views."""
        formatters = self.ip.display_formatter.formatters
        for cls in _CLASSES:
            formatters["text/html"].for_type(cls, self._html)
        for cls in _SHOWN:
            self.ip.display_formatter.ipython_display_formatter.for_type(cls, self._display)
        self.ip.events.register("pre_run_cell", self.forget_told)

    def unregister(self) -> None:
        """Take that back, and let what is shown rest."""
        self.pump.stop()
        formatters = self.ip.display_formatter.formatters
        for cls in _CLASSES:
            formatters["text/html"].pop(cls, None)
        for cls in _SHOWN:
            self.ip.display_formatter.ipython_display_formatter.pop(cls, None)
        self.ip.events.unregister("pre_run_cell", self.forget_told)

    def _display(self, thing: object) -> None:
        """The shell wants to show a value."""
        if id(thing) in self._told:
            self._told.discard(id(thing))
        else:
            self.show(thing)


def _view(widget: CardWidget | BoardWidget | TerminalWidget | SmallWidget) -> Bundle:
    return {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
