"""COPY and ADD: from which container, which paths, whereto.

The context lies in a container that runs nothing and reaches nobody, received when it is first needed; so does what stands in
the Dockerfile itself (``COPY <<EOF``). Stages and other images are slept in likewise.
"""

from __future__ import annotations

import contextlib
import os
import posixpath
from collections.abc import Awaitable, Callable, Sequence

from ...dockerfile import Heredoc, Instruction, Lookup, expand, takes_from_context, wrong
from ...engines.building import Copy
from ...errors import UsageError
from .. import trees
from ..images.drafts import Draft
from . import instructions as plain
from . import sources
from .rooms import Room, Rooms, Site
from .steps import Steps, at

#: Gives what ``--from`` names as a draft.
Elsewhere = Callable[[str], Awaitable[Draft]]

_CONTEXT, _WRITTEN = "/context", "/written"
_OPEN = 3  # containers of other stages and images that are there at once: a build counts as one
_MAKE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC


class Copies:
    """Those of one build. ``stack`` ends the containers that are copied from; ``read`` gives the context, if there is one."""

    def __init__(
        self, site: Site, rooms: Rooms, steps: Steps, elsewhere: Elsewhere,
        read: trees.Read | None, stack: contextlib.AsyncExitStack,
    ) -> None:  # fmt: skip
        self._site, self._rooms, self._steps, self._elsewhere = site, rooms, steps, elsewhere
        self._read, self._stack = read, stack
        self._context: Room | None = None
        self._received = False
        self._others: dict[tuple[str, ...], tuple[Room, contextlib.AsyncExitStack]] = {}
        self._texts = 0

    async def copy(self, draft: Draft, one: Instruction, lookup: Lookup) -> Draft:
        """The draft after COPY or ADD."""
        with at(one):
            flags = _flags(one, lookup)
            *named, dest = _words(one, lookup)
            source, paths = await self._found(one, named, flags.get("from", ""), lookup)
            place = posixpath.join(plain.folder(draft), dest)
            place += "/" if dest in (".", "..") or dest.endswith(("/.", "/..")) else ""
            order = Copy(tuple(paths), place, flags.get("chown", ""), _mode(flags.get("chmod", "")))
            content = await self._site.workshop.digest(source.id, paths)

        async def deed(room: Room) -> None:
            await self._site.workshop.copy(source.id, room.id, order)

        names = [posixpath.basename(path) for path in paths]
        facts: list[object] = ["copy", content, names, place, order.owner, order.mode]
        return await self._steps.layered(draft, one, facts, deed)

    async def _found(
        self, one: Instruction, named: Sequence[str], other: str, lookup: Lookup
    ) -> tuple[Room, list[str]]:
        """The container that is copied from, and the paths in it."""
        written = {f"<<{doc.name}": doc for doc in one.heredocs}
        room, top = await self._other(other) if other else await self._here(), "/" * bool(other)
        paths: list[str] = []
        for name in named:
            bare = name.replace("<<-", "<<").replace('"', "").replace("'", "")
            if bare in written:
                room = await self._here()
                paths.append(await self._write(room, written[bare], lookup, one.escape))
                continue
            sources.require_local(name)
            if not other:
                top = await self._receive(room)
            found = await sources.matching(room.files, top, name)
            if one.name == "ADD":
                for path in found:
                    await sources.require_no_archive(room.files, path)
            paths += found
        return room, paths

    async def _here(self) -> Room:
        """Where the context lies, and texts of the Dockerfile."""
        if self._context is None:
            self._context, _end = await self._sleep_in(Draft())
        return self._context

    async def _receive(self, room: Room) -> str:
        """Have the context in it; where."""
        if self._read is None:
            raise _no_context()
        if not self._received:
            self._received = True
            await trees.Receiver(room.files, _CONTEXT).receive(self._read)
        return _CONTEXT

    async def _write(self, room: Room, doc: Heredoc, lookup: Lookup, escape: str) -> str:
        self._texts += 1
        folder = f"{_WRITTEN}/{self._texts}"
        await room.files.mkdir(folder, parents=True)
        text = expand_text(doc.text, lookup, escape) if doc.expands else doc.text
        file = await room.files.open(f"{folder}/{doc.name}", _MAKE)
        try:
            await file.write(0, text.encode())
        finally:
            await file.close()
        return f"{folder}/{doc.name}"

    async def _other(self, name: str) -> Room:
        draft = await self._elsewhere(name)
        key = tuple(layer.diff_id for layer in draft.layers)
        found = self._others.pop(key, None)
        if found is None:
            while len(self._others) >= _OPEN:
                _room, end = self._others.pop(next(iter(self._others)))
                await end.aclose()
            found = await self._sleep_in(draft)
        self._others[key] = found  # behind those that were used before
        return found[0]

    async def _sleep_in(self, draft: Draft) -> tuple[Room, contextlib.AsyncExitStack]:
        """A container, and what ends it before all the others."""
        end = await self._stack.enter_async_context(contextlib.AsyncExitStack())
        room = self._rooms.room(draft.info("what is copied from"), "none", lambda _: None)
        return await end.enter_async_context(room), end


def require_context(one: Instruction) -> None:
    """Tell that a build without a context cannot do this one, before any other step is done.

    Raises:
        UsageError: it copies from the context.
        NotSupported: it copies from elsewhere, which is not done here.
    """
    if takes_from_context([one]):
        with at(one):
            for name in (one.listed() or one.rest.split())[:-1]:
                sources.require_local(name)
            raise _no_context()


def _no_context() -> UsageError:
    return UsageError(
        "this build has no context to copy from",
        hint="Give it a folder: --context FOLDER, often . (in Python: context=).",
    )


def expand_text(text: str, lookup: Lookup, escape: str) -> str:
    """Variables of a here-document; its quotes are its own."""
    kept = text.replace("'", f"{escape}'").replace('"', f'{escape}"')
    return expand(kept, lookup, escape)


def _flags(one: Instruction, lookup: Lookup) -> dict[str, str]:
    known = ("chown", "chmod") if one.name == "ADD" else ("from", "chown", "chmod")
    for name, value in one.flags:
        if name not in known or not value:
            hint = f"It has {', '.join(f'--{n}=' for n in known)}."
            raise wrong(
                one.line, f"{one.name} has no --{name}{'=' * bool(value)}{value} here", hint
            )
    return {name: expand(value, lookup, one.escape) for name, value in one.flags}


def _words(one: Instruction, lookup: Lookup) -> list[str]:
    words = one.listed() or one.rest.split()
    if len(words) < 2:
        raise UsageError(f"{one.name} needs what is copied, and where to")
    return [w if w.startswith("<<") else expand(w, lookup, one.escape) for w in words]


def _mode(text: str) -> int | None:
    if not text:
        return None
    try:
        mode = int(text, 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 0o7777:
        raise UsageError(f"--chmod={text} is no mode", hint="It is a number, like 755.")
    return mode
