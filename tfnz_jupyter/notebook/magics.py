"""``%tf``: the grammar's commands, done by the SDK and shown by the displays.

Arguments are not expanded by IPython: the grammar does it, for names the user has given and never inside a command that is
the container's. Errors are raised as they are; they know how to show themselves.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterable
from functools import partial
from typing import Any

from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
from traitlets import Bool, Float, Int, Unicode
from traitlets.config.configurable import Configurable

from .. import grammar
from ..blocking import Interrupted, submit
from ..deeds import lengthy, plain, spawning
from ..errors import TfnzError
from ..grammar import CompletionNames
from ..homes import EMBEDDED, Home
from ..sdk import location as locations
from ..sdk.container import Container
from ..sdk.location import Location
from ..sdk.places import home_of
from ..sdk.process import Process
from ..sdk.tunnel import Tunnel
from .bars import bar
from .building import build
from .displays import Displays
from .executing import execute, execute_script
from .follow import follow, print_tail
from .stills import ALL
from .terminals import open_shell, spawn_in

#: Names worth offering before a location has been asked what it holds.
_WELL_KNOWN = ("busybox", "debian", "nginx", "postgres", "python", "redis")


#: A container that does not say within this time what is in a folder offers nothing (seconds).
_AT_ONCE = 0.5


@magics_class
class TfMagics(Magics, Configurable):
    """Containers, from here."""

    location = Unicode(
        "", help="where %tf connects by itself, as after %tf connect; empty: as Location() does"
    ).tag(config=True)
    tail = Int(200, min=0, help="lines of output that a saved view keeps").tag(config=True)
    refresh = Float(25.0, min=1.0, max=25.0, help="most updates a second of one card").tag(
        config=True
    )
    proxy_links = Bool(
        True,
        help="where the notebook is not on your machine, let links lead through jupyter-server-proxy;"
        " a page opened so shares Jupyter's origin",
    ).tag(config=True)

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        self._ip = shell
        self._images: set[str] = set(_WELL_KNOWN)
        self.displays = Displays(shell, tail=lambda: self.tail, proxy=lambda: self.proxy_links)
        self.observe(lambda change: self.displays.refresh_options(), "proxy_links")
        self.observe(lambda change: self.displays.pump.at_most(self.refresh), "refresh")

    @no_var_expand
    @line_cell_magic
    def tf(self, line: str, cell: str | None = None) -> Any:
        __tracebackhide__ = True
        if cell is None:
            command = grammar.parse(line, lookup=self._value)
        else:
            command = grammar.parse_cell(line, cell, lookup=self._value)
        try:
            return self._do(command)
        except Interrupted:
            raise
        except KeyboardInterrupt:  # elsewhere than in a wait
            raise Interrupted(f"%tf {line.split(maxsplit=1)[0]} was interrupted") from None

    def _do(self, command: grammar.Command) -> Any:
        match command:
            case grammar.Dashboard():
                self.displays.board(self._here(), ALL)
            case grammar.Nodes():
                self.displays.board(self._here(), ("nodes",))
            case grammar.Ps():
                self.displays.board(self._here(), ("containers",))
            case grammar.Spawn():
                return self._spawn(command)
            case grammar.Logs():
                self._logs(command)
            case grammar.Exec():
                execute(self._find(command.name), command.command)
            case grammar.Script():
                execute_script(self._find(command.name), command)
            case grammar.MakeTunnel():
                return self._tunnel(command)
            case grammar.Remove():
                self._remove(command)
            case grammar.Connect():
                return self._connect(command)
            case grammar.Disconnect():
                self._disconnect()
            case grammar.Locations():
                self._locations()
            case grammar.Doctor():
                self._doctor(command)
            case grammar.Help(verb):
                _say(grammar.describe(verb) if verb else grammar.overview())
            case grammar.Build():
                with bar(self._ip, f"Building {command.tag}") as report:
                    built = build(self._here(), command, report)
                self._images.add(command.tag)
                _say(built)
            case grammar.Put() | grammar.Get() | grammar.ImagePull():
                with bar(self._ip, lengthy.doing(command)) as report:
                    done = lengthy.perform(command, self._here(), self._find, report)
                _say(done)
            case grammar.Shell(name, words):
                return self._terminal(self._find(name), words)
            case _:
                for line in plain.perform(command, self._here(), self._find):
                    _say(line)
        return None

    # -- where we are ----------------------------------------------------------------------------------------------

    def _here(self) -> Location:
        return locations.current() or self._new(self._usual())

    def _usual(self) -> grammar.Connect:
        """What ``%config TfMagics.location`` says."""
        wish = grammar.parse(f"connect {self.location}")
        assert isinstance(wish, grammar.Connect)
        return wish

    def _new(self, to: grammar.Connect) -> Location:
        told: dict[str, list[str]] = {}
        for name, value in to.options:
            told.setdefault(name, []).append(value)
        location = Location(location=to.location, location_ip=to.ip, options=told)
        self._learn_images(location)
        return location

    def _learn_images(self, location: Location) -> None:
        """Fetch the names of the location's images for completion, while nobody waits."""

        def learn() -> None:
            try:
                self._images.update(location.images())
            except TfnzError:
                self._images.update(_WELL_KNOWN)

        threading.Thread(target=learn, name="tfnz-images", daemon=True).start()

    def _connect(self, to: grammar.Connect) -> Location:
        here, wanted = locations.current(), to if to.location else self._usual()
        if here is not None and _is_at(here, wanted):
            _say(f"Already at {here.location}.")
        else:
            here = self._new(wanted)
        self.displays.show_once(here)
        return here

    def _disconnect(self) -> None:
        here = locations.current()
        if here is None:
            _say("There is no session.")
            return
        live = sum(not container.dead for container in here.containers.values())
        here.disconnect()
        for container in here.containers.values():
            self.displays.settle(container)
        _say(f"The session with {here.location} is over{_gone(live)}.")

    def _locations(self) -> None:
        here = locations.current()
        for name in Location.all_locations():
            _say(f"{name}  (connected)" if here and here.location == name else name)

    def _doctor(self, wish: grammar.Doctor) -> None:
        here = locations.current()
        home = here.home if here and here.home and not wish.engine else None
        home = home or Home.of(wish.engine or EMBEDDED, wish.options)
        from ..doctor import examine  # seldom asked

        report = examine(here.degraded if here and here.home == home else (), home)
        _say(report.as_json() if wish.json else report.as_text())

    # -- containers ------------------------------------------------------------------------------------------------

    def _spawn(self, wish: grammar.Spawn) -> Container:
        here = self._here()
        if (old := spawning.replaced(here, wish.name)) is not None:
            self.displays.settle(old)
            _say(f"{wish.name} was running: it was destroyed first.")
        if wish.terminal:
            name = wish.name or wish.image
            container = self.displays.terminal(name, partial(spawn_in, here, wish))
        else:
            container = spawning.spawn(here, wish)
            self.displays.show_once(container)
        self._images.add(wish.image)
        if wish.name:
            self._bind(wish.name, container)
        spawning.open_ways(container, wish, lambda why: self.displays.tell(container, why))
        if wish.wait:
            spawning.wait_for(container, wish.wait)
        return container

    def _bind(self, name: str, container: Container) -> None:
        word = spawning.variable(name)
        if word is None:
            _say(
                f"No variable was made: {name} has a meaning in Python. x = %tf spawn ... gives one."
            )
            return
        self._ip.user_ns[word] = container
        if word != name:
            _say(f"The variable is {word}.")

    def _find(self, name: str) -> Container:
        held = self._ip.user_ns.get(name)
        return held if isinstance(held, Container) else plain.find(self._here(), name)

    def _terminal(self, container: Container, words: tuple[str, ...]) -> Process:
        """A shell, or whatever command, in a terminal on the page."""
        return self.displays.terminal(container.name, partial(open_shell, container, command=words))

    def _logs(self, wanted: grammar.Logs) -> None:
        ring = self._find(wanted.name).log
        if not wanted.follow:
            print_tail(ring, wanted.tail)
            return
        start = ring.first if wanted.tail is None else max(ring.first, ring.total - wanted.tail)
        with contextlib.suppress(KeyboardInterrupt):  # how one stops following
            follow(ring, start=start)

    def _tunnel(self, wanted: grammar.MakeTunnel) -> Tunnel:
        container = self._find(wanted.name)
        tunnel = container.attach_tunnel(wanted.port, localport=wanted.local)
        self.displays.show_once(tunnel)
        return tunnel

    def _remove(self, wanted: grammar.Remove) -> None:
        for container in [self._find(name) for name in wanted.names]:
            if container.dead:
                _say(f"{container.name} was over already: {container.reason}.")
                continue
            container.destroy()
            self.displays.settle(container)
            also = ", and everything in it: stop means rm here" if wanted.called == "stop" else ""
            _say(f"{container.name} is destroyed{also}.")

    # -- names -----------------------------------------------------------------------------------------------------

    def _value(self, name: str) -> str | None:
        """What ``$name`` stands for: a variable of the user's, and nothing else."""
        if name not in self._ip.user_ns or name in self._ip.user_ns_hidden:
            return None
        value = self._ip.user_ns[name]
        return value.uuid if isinstance(value, Container) else str(value)

    def paths_inside(self, name: str, typed: str) -> list[str]:
        """The paths of a container that begin so; none if it does not answer at once."""
        folder, _, begun = typed.rpartition("/")
        try:
            container = self._find(name)
            if not container.is_ready():
                return []
            listing = submit(container.list_files.aio(f"{folder}/"))
            found = listing.result(_AT_ONCE)
        except (TfnzError, TimeoutError):
            return []
        return [
            f"{folder}/{one.name}{'/' * (one.kind == 'folder')}"
            for one in found
            if one.name.startswith(begun)
        ]

    def names(self) -> CompletionNames:
        """What completion may offer, as known now."""
        here = locations.current()
        held = {key for key, value in self._ip.user_ns.items() if _live(value) and key[:1] != "_"}
        named = {c.name for c in _live_ones(here)}
        return CompletionNames(
            containers=tuple(sorted(held | named)),
            volumes=tuple(sorted(v.tag or v.uuid for v in here.all_volumes())) if here else (),
            published=tuple(sorted(_published(here))),
            images=tuple(sorted(self._images)),
            nodes=tuple(node.name for node in here.ranked_nodes()) if here else (),
            locations=tuple(Location.all_locations()),
        )


TfMagics.tf.__doc__ = grammar.overview()


def _is_at(here: Location, wanted: grammar.Connect) -> bool:
    """Whether a session is with the location that is wanted, or no other was named."""
    if wanted.ip is not None or wanted.location is None:
        return wanted == grammar.Connect()
    same = not wanted.options or here.home == home_of(wanted.location, wanted.options)
    return here.location == wanted.location and same


def _live(value: object) -> bool:
    return isinstance(value, Container) and not value.dead


def _live_ones(location: Location | None) -> Iterable[Container]:
    return [c for c in list(location.containers.values()) if not c.dead] if location else []


def _published(location: Location | None) -> Iterable[str]:
    return (
        [name for endpoint in location.endpoints.values() for name in endpoint.names]
        if location
        else []
    )


def _gone(live: int) -> str:
    return (
        f", and its {live} containers with it" if live > 1 else ", and its container with it" * live
    )


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
