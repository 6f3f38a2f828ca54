"""The verbs of the notebook in a shell: one session for each command.

``spawn`` stays in the foreground and ends its container, as ``docker run`` does; its ``--name`` is also the tag, by which the
other commands find it. What lives in a session (a tunnel, an SSH server, a published name, an opening) stays in the
foreground too, until it is interrupted.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import msgspec

from .. import grammar
from ..deeds import images, lengthy, plain, spawning
from ..errors import UsageError
from ..sdk.container import Container
from ..sdk.location import Location
from . import foreground, pages, progress

_PROG = "tfnz"
_JSON = "--json"
#: Verbs whose deed ends with the session, so that they stay.
_STAYS = (grammar.MakeTunnel, grammar.Ssh, grammar.Publish, grammar.Allow)
#: Verbs that mean something only where a session lives on.
_ELSEWHERE = {
    grammar.Connect: "tfnz --location NAME COMMAND says where, for one command.",
    grammar.Disconnect: "each command of a shell is a session of its own.",
    grammar.Unpublish: "a name is published for as long as tfnz publish stays; interrupt that.",
    grammar.Deny: "an opening is there for as long as tfnz allow stays; interrupt that.",
}


def run(arguments: Sequence[str], location: str | None) -> int:
    """Do what a line of words says; the exit code."""
    words = [word for word in arguments if word != _JSON or not _is_list(arguments)]
    command = grammar.parse(words, prog=_PROG)
    if isinstance(command, grammar.Help):
        print(grammar.describe(command.verb or "", _PROG))
        return 0
    if type(command) in _ELSEWHERE:
        raise UsageError(f"tfnz has no {words[0]}: {_ELSEWHERE[type(command)]}")
    with _session(location) as session:
        return _do(command, session, as_json=len(words) != len(arguments))


def _is_list(arguments: Sequence[str]) -> bool:
    """Whether it prints a list, which a script may want as JSON."""
    return " ".join(word for word in arguments if word != _JSON) in pages.LISTS


@contextmanager
def _session(location: str | None) -> Iterator[Location]:
    with Location(location=location, quiet=True) as session:
        yield session


def _do(command: grammar.Command, session: Location, *, as_json: bool) -> int:
    find = partial(plain.find, session)
    match command:
        case grammar.Spawn():
            return _spawn(session, command)
        case grammar.Exec(name, words):
            return foreground.execute(find(name), list(words))
        case grammar.Shell(name, words):
            from .terminal import shell

            return shell(find(name), list(words) or None)
        case grammar.Logs():
            return _logs(find(command.name), command)
        case grammar.Remove(names):
            return _remove([find(name) for name in names])
        case grammar.MakeTunnel(name, port, local):
            print(find(name).attach_tunnel(port, localport=local).url, flush=True)
        case grammar.Build():
            return _build(session, command)
        case grammar.Put() | grammar.Get() | grammar.ImagePull():
            with progress.shown(lengthy.doing(command)) as told:
                done = lengthy.perform(command, session, find, told.tell)
            print(done)
        case grammar.Ps() | grammar.Nodes() | grammar.VolumeList() | grammar.ImageList():
            pages.show(command, session, as_json=as_json)
        case _:
            for line in plain.perform(command, session, find):
                print(line, flush=True)
    return foreground.stay() if isinstance(command, _STAYS) else 0


def _spawn(session: Location, wish: grammar.Spawn) -> int:
    wish = msgspec.structs.replace(wish, tag=wish.tag or wish.name)
    if wish.terminal:
        return _spawn_in_terminal(session, wish)
    written = foreground.Written()
    container = spawning.spawn(
        session,
        wish,
        stdout_callback=foreground.to(sys.stdout.buffer),
        stderr_callback=foreground.to(sys.stderr.buffer),
        termination_callback=written,
    )
    spawning.open_ways(container, wish, failed=_complain, opened=_complain)
    with progress.of(container):
        if wish.wait:
            spawning.wait_for(container, wish.wait)
        return foreground.attend(container, written, feeds=wish.interactive)


def _spawn_in_terminal(session: Location, wish: grammar.Spawn) -> int:
    from .terminal import attend  # late, as above

    def start(
        write: Callable[..., None], over: Callable[..., None], size: tuple[int, int]
    ) -> Container:
        container = spawning.spawn(
            session, wish, terminal=size, stdout_callback=write, termination_callback=over
        )
        spawning.open_ways(container, wish, failed=_complain, opened=lambda _: None)
        return container

    return attend(start)


def _build(session: Location, wish: grammar.Build) -> int:
    began = time.monotonic()
    with foreground.as_interrupts(), progress.shown(wish.tag) as line:
        session.build_image(
            **images.wanted(wish),
            log=lambda data: line.print(sys.stdout.buffer, data),
            progress=line.tell,
        )
    print(images.built(wish, time.monotonic() - began))
    return 0


def _logs(container: Container, wanted: grammar.Logs) -> int:
    if not wanted.follow:
        sys.stdout.buffer.write(container.logs(tail=wanted.tail))
        return 0
    with foreground.interruptible():
        for chunk in container.logs(tail=wanted.tail, follow=True):
            foreground.to(sys.stdout.buffer)(container, chunk)
    return 0


def _remove(containers: list[Container]) -> int:
    for container in containers:
        container.destroy()
        print(f"{container.name} is destroyed.")
    return 0


def _complain(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
