"""The static views of the SDK's objects in this shell: what is saved, and shown wherever no kernel is live."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ..sdk.container import Container
from ..sdk.location import Location
from ..sdk.node import Node
from ..sdk.process import Process
from . import assets, views
from .feeds import listed
from .rows import ROWS, nobody
from .small import snapshot
from .snapshots import of_container, of_location, of_log, of_node
from .views_small import small_html

Bundle = dict[str, Any]
ALL = ("nodes", "containers", *ROWS)


class Stills:
    """Bundles of HTML and text.

    Args:
        tail: gives how many lines of output a view keeps.
    """

    def __init__(self, tail: Callable[[], int]) -> None:
        self._tail = tail

    def of(self, thing: object) -> Bundle:
        """An object as it is now."""
        return {"text/plain": self.text(thing), "text/html": self.html(thing)}

    def text(self, thing: object) -> str:
        """The same as plain text."""
        if isinstance(thing, Container):
            printed = of_log(thing.log, self._tail())
            return views.container_text(of_container(thing), printed, time.time())
        return repr(thing)

    def html(self, thing: object) -> str:
        """The same as markup."""
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
                return str(self.board(thing, ALL)["text/html"])
        printed = of_log(thing.log, tail) if isinstance(thing, Process) else None
        return small_html(snapshot(thing), printed, time.time(), style)

    def board(self, location: Location, sections: tuple[str, ...]) -> Bundle:
        """A location, or some sections of it: names of ``ALL``."""
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
        line = views.location_line(of_location(location), time.time())
        empty = "containers" in sections and not location.containers and not location.dead
        none = nobody(location) if empty else ""
        return {
            "text/plain": views.board_text(line, tables, none),
            "text/html": views.board_html(line, tables, none, assets.style(live=False)),
        }
