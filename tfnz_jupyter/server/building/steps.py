"""Steps that write files: what was made of the same before is taken, else a container does it and leaves a layer."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import shlex
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace

from ...dockerfile import Instruction, wrong
from ...errors import CommandFailed, FileFailed, NoSuchFile, TfnzError
from ..images.drafts import Draft, Drafts, now
from ..processes import describe
from . import instructions as plain
from .rooms import Command, Log, Room, Rooms

#: What happens in a step's container.
Deed = Callable[[Room], Awaitable[None]]
#: ``announce(instruction, cached)`` is told before a step is done.
Announce = Callable[[Instruction, bool], Awaitable[None]]
Egress = str | tuple[str, ...]

_LAST = 12  # lines of a failed command that its error repeats


class Steps:
    """Those of one build.

    Args:
        made_for: the key of the image that is built.
        cache: whether what was made before is taken.
    """

    def __init__(
        self,
        rooms: Rooms,
        drafts: Drafts,
        made_for: str,
        *,
        cache: bool,
        announce: Announce,
        log: Log,
    ) -> None:
        self._rooms, self._drafts, self._made_for = rooms, drafts, made_for
        self._cache, self._announce, self._log = cache, announce, log
        self._layers = 0

    async def run(
        self, draft: Draft, one: Instruction, args: dict[str, str], egress: Egress
    ) -> Draft:
        """RUN. Raises ``CommandFailed``."""
        flags = dict(one.flags)
        network = flags.pop("network", "default")
        if flags or network not in ("default", "none"):
            name, value = next(iter(flags.items()), ("network", network))
            raise wrong(one.line, f"RUN has no --{name}={value} here", "It has --network=none.")
        command = _command(draft, one, args)
        way_out = "none" if network == "none" else egress

        async def deed(room: Room) -> None:
            await room.files.mkdir(command.cwd, parents=True)
            end = await room.run(command, self._log)
            if end.returncode != 0:
                lines = room.tail.decode("utf-8", "replace").splitlines()
                how = f"returned {end.code}" if end.signal is None else f"was {describe(end)}"
                raise CommandFailed(f"the command {how}", detail="\n".join(lines[-_LAST:]))

        facts = ["run", command.argv, sorted(command.env), command.cwd, command.user, way_out]
        return await self.layered(draft, one, [*facts, command.input.decode()], deed, way_out)

    async def workdir(self, draft: Draft, one: Instruction) -> Draft:
        """WORKDIR, once the draft says so: the folder is made."""
        path = plain.folder(draft)

        async def deed(room: Room) -> None:
            await room.files.mkdir(path, parents=True)

        return await self.layered(draft, one, ["workdir", path], deed)

    async def layered(
        self,
        draft: Draft,
        one: Instruction,
        facts: list[object],
        deed: Deed,
        egress: Egress = "none",
    ) -> Draft:
        """The draft after a step; ``facts`` are all that its outcome depends on, beside the layers below."""
        key = _key(draft, facts)
        known = await asyncio.to_thread(self._drafts.made, key) if self._cache else None
        await self._announce(one, known is not None)
        if known is None:
            with at(one):
                async with self._rooms.room(draft.info(self._made_for), egress, _silent) as room:
                    await deed(room)
                    known = await self._committed(draft, room)
            await asyncio.to_thread(self._drafts.keep_step, key, known, self._made_for)
        is_empty = len(known.layers) == len(draft.layers)
        after = replace(draft, layers=known.layers, created=known.created or draft.created)
        return after.noted(one.shown, empty=is_empty)

    async def _committed(self, draft: Draft, room: Room) -> Draft:
        self._layers += 1
        file = self._drafts.scratch / f"layer-{self._layers}"
        changes = await room.changes(file)
        if changes is None:
            return Draft(draft.layers, created=now())
        layer = await asyncio.to_thread(self._drafts.layer, file, changes.digest, changes.size)
        return Draft((*draft.layers, layer), created=now())


@contextlib.contextmanager
def at(one: Instruction) -> Iterator[None]:
    """What goes wrong within is an error that names the line."""
    place = f"Dockerfile line {one.line}"
    try:
        yield
    except TfnzError as error:
        if error.message.startswith(place):
            raise
        told = f"{place}: {one.shown}: {error.message}"
        raise type(error)(told, hint=error.hint, detail=error.detail) from error
    except ValueError as problem:
        raise wrong(one.line, f"{one.shown}: {problem}") from None
    except FileNotFoundError as error:
        raise NoSuchFile(f"{place}: {one.shown}: there is no {error.filename}") from error
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise FileFailed(f"{place}: {one.shown}: {error.filename}: {why}") from error


def _command(draft: Draft, one: Instruction, args: dict[str, str]) -> Command:
    """What RUN runs; a here-document alone is a script, by the image's shell or what its first line names."""
    argv, input = plain.command(draft, one), b""
    if one.heredocs and one.listed() is None:
        first = one.heredocs[0]
        if one.rest.startswith("<<") and len(one.rest.split()) == 1:
            top = first.text.partition("\n")[0]
            argv = [*plain.shell(draft), first.text]
            if top.startswith("#!"):
                argv, input = shlex.split(top[2:]), first.text.encode()
        else:
            bodies = "".join(f"{doc.text}{doc.name}\n" for doc in one.heredocs)
            argv = [*plain.shell(draft), f"{one.rest}\n{bodies}"]
    env = {**args, **draft.env}
    user = draft.config.get("User") or ""
    return Command(tuple(argv), tuple(env.items()), plain.folder(draft), user, input)


def _key(draft: Draft, facts: list[object]) -> str:
    below = [layer.diff_id for layer in draft.layers]
    return hashlib.sha256(json.dumps([below, facts]).encode()).hexdigest()


def _silent(progress: object) -> None:
    """Layers of the build's own are unpacked without a word: its bar shows its steps."""
