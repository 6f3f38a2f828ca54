"""One build: a Dockerfile's stages, as far as they are needed, one instruction after the other."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ...dockerfile import Instruction, Stage, read, stages
from ...dockerfile.stages import assigned
from ...engines.base import ImageInfo, Progress, Report
from ...errors import EngineFailed, NotSupported, UsageError
from ..images import Images
from ..images.documents import this_machine
from ..images.drafts import Draft, Drafts
from ..images.references import parse_name
from ..trees import Read
from . import instructions as plain
from .copies import Copies, require_context
from .rooms import Log, Rooms, Site
from .steps import Egress, Steps, at

_SCRATCH = "scratch"
_MOST = 1000  # instructions


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be built. ``arguments`` are the values of its ARGs; ``target`` names its last stage."""

    reference: str
    dockerfile: str
    arguments: tuple[tuple[str, str], ...] = ()
    target: str = ""
    cache: bool = True
    egress: Egress = "internet"


@dataclass(slots=True)
class _Scope:
    """What one stage has said so far: its ARGs, and which instructions it had."""

    args: dict[str, str] = field(default_factory=dict)
    had: set[str] = field(default_factory=set)


class Build:
    """One build.

    Args:
        log: gets what a person may read, and is waited for.
        context: gives the context as a tree, piece by piece; None where there is none.
    """

    def __init__(
        self, wish: Wish, site: Site, images: Images, log: Log, report: Report, context: Read | None
    ) -> None:
        self._wish, self._site, self._images = wish, site, images
        self._log, self._report, self._context = log, report, context
        self._given = dict(wish.arguments)
        self._declared: set[str] = set()
        self._stages: list[Stage] = []
        self._done: dict[int, Draft] = {}
        self._at = self._steps_in_all = 0

    async def run(self) -> ImageInfo:
        """Build it, and keep it under its reference.

        Raises:
            UsageError: the Dockerfile has no meaning; like all that a step raises, it names the line.
            CommandFailed: what a step ran did not return 0.
            NoSuchFile: there is nothing to copy.
            NotSupported: an instruction is not done here.
            ImageNotFound, EngineFailed, ...: as spawning from the image that a stage begins with.
        """
        wish = self._wish
        key = parse_name(wish.reference).key
        self._stages, self._before = await asyncio.to_thread(self._read)
        last = self._target()
        needed = self._needed(last)
        if self._context is None:
            for one in (one for stage in needed for one in stage.instructions):
                require_context(one)
        self._steps_in_all = sum(1 + len(stage.instructions) for stage in needed)
        async with self._images.drafting() as drafts, contextlib.AsyncExitStack() as stack:
            self._make(drafts, key, stack)
            for stage in needed:
                self._done[stage.index] = await self._stage(stage)
            await self._tell_unused()
            await asyncio.to_thread(drafts.keep, key, self._done[last.index])
            return await self._installed()

    def _read(self) -> tuple[list[Stage], dict[str, str]]:
        found = read(self._wish.dockerfile)
        if len(found) > _MOST:
            raise UsageError(f"a Dockerfile has at most {_MOST:,} instructions, not {len(found):,}")
        return stages(found, self._given)

    def _make(self, drafts: Drafts, key: str, stack: contextlib.AsyncExitStack) -> None:
        self._drafts, self._rooms = drafts, Rooms(self._site)
        rooms = self._rooms
        stack.push_async_callback(rooms.forget)
        self._steps = Steps(
            rooms, drafts, key, cache=self._wish.cache, announce=self._announce, log=self._log
        )
        self._copies = Copies(self._site, rooms, self._steps, self._elsewhere, self._context, stack)

    async def _installed(self) -> ImageInfo:
        image = await asyncio.to_thread(self._images.find, self._wish.reference)
        if image is None:
            raise EngineFailed(f"image {self._wish.reference} was removed while it was built")
        await self._site.engine.install(image, self._site.blobs, self._report)
        total = self._steps_in_all
        self._report(Progress("build", self._wish.reference, total, total))
        return image

    # -- stages ----------------------------------------------------------------------------------------------------

    def _target(self) -> Stage:
        wanted = self._wish.target
        if not wanted:
            return self._stages[-1]
        found = self._earlier(wanted, len(self._stages))
        if found is None:
            names = ", ".join(stage.name for stage in self._stages if stage.name) or "none has one"
            raise UsageError(f"no stage is called {wanted!r}", hint=f"Their names: {names}.")
        return found

    def _earlier(self, name: str, before: int) -> Stage | None:
        """The stage of that name or number before another."""
        for stage in reversed(self._stages[:before]):
            if name.lower() == stage.name or name == str(stage.index):
                return stage
        return None

    def _needed(self, last: Stage) -> list[Stage]:
        """A stage and all that it is made from, in order."""
        found, todo = {last.index: last}, [last]
        while todo:
            stage = todo.pop()
            for name in (stage.base, *_copied_from(stage.instructions)):
                other = self._earlier(name, stage.index)
                if other is not None and other.index not in found:
                    found[other.index] = other
                    todo.append(other)
        return [found[index] for index in sorted(found)]

    async def _stage(self, stage: Stage) -> Draft:
        draft, scope = await self._first(stage), _Scope()
        for one in stage.instructions:
            draft = await self._step(draft, one, scope)
        if "ENTRYPOINT" in scope.had and "CMD" not in scope.had:
            draft = draft.configured(Cmd=None)  # it belonged to another entrypoint
        return draft

    async def _first(self, stage: Stage) -> Draft:
        """What a stage begins with."""
        self._require_platform(stage)
        await self._announce(stage.first, False)
        with at(stage.first):
            return await self._base(stage.base, stage.index)

    async def _elsewhere(self, name: str) -> Draft:
        """What COPY --from names."""
        return await self._base(name, len(self._stages))

    async def _base(self, name: str, before: int) -> Draft:
        earlier = self._earlier(name, before)
        if earlier is not None and earlier.index in self._done:
            return self._done[earlier.index]
        if name == _SCRATCH:
            return Draft()
        info = await self._images.ensure_layers(name, self._report)
        await self._rooms.prepare(info, self._report)
        draft = await asyncio.to_thread(self._drafts.of, info)
        if draft.config.get("OnBuild"):
            raise NotSupported(
                f"image {name} wants instructions of its own to be done (ONBUILD)",
                hint="Write them into this Dockerfile, below a FROM of what it was made from.",
            )
        return draft

    def _require_platform(self, stage: Stage) -> None:
        architecture, _variant = this_machine()
        parts = stage.platform.split("/")
        if stage.platform and parts[:2] != ["linux", architecture]:
            raise NotSupported(
                f"Dockerfile line {stage.first.line}: {stage.platform} is not built on this machine",
                hint=f"It is linux/{architecture}.",
            )

    # -- instructions ----------------------------------------------------------------------------------------------

    async def _step(self, draft: Draft, one: Instruction, scope: _Scope) -> Draft:
        scope.had.add(one.name)
        env = draft.env

        def lookup(name: str) -> str | None:
            return env.get(name, scope.args.get(name))

        match one.name:
            case "RUN":
                return await self._steps.run(draft, one, scope.args, self._wish.egress)
            case "COPY" | "ADD":
                return await self._copies.copy(draft, one, lookup)
            case "WORKDIR":
                return await self._steps.workdir(plain.apply(draft, one, lookup), one)
        await self._announce(one, False)
        if one.name == "ARG":
            self._declare(one, scope)
            return draft
        return plain.apply(draft, one, lookup).noted(one.shown, empty=True)

    def _declare(self, one: Instruction, scope: _Scope) -> None:
        """ARG: from outside, by default, from before the first FROM, or as every build has it."""
        for name, default in assigned(one, scope.args.get):
            self._declared.add(name)
            common = self._before.get(name, _platform().get(name))
            value = self._given.get(name, common if default is None else default)
            if value is not None:
                scope.args[name] = value

    # -- what is told ----------------------------------------------------------------------------------------------

    async def _announce(self, one: Instruction, cached: bool) -> None:
        self._at += 1
        total = self._steps_in_all
        self._report(Progress("build", one.shown, self._at - 1, total))
        mark = "  (made before)" * cached
        await self._log(f"[{self._at}/{total}] {one.shown}{mark}\n".encode())

    async def _tell_unused(self) -> None:
        for name in sorted(set(self._given) - self._declared - set(self._before)):
            await self._log(f"{name} was given, and no ARG asks for it.\n".encode())


def _copied_from(instructions: Sequence[Instruction]) -> list[str]:
    """What COPY --from names."""
    flags = [dict(one.flags) for one in instructions if one.name == "COPY"]
    return [found["from"] for found in flags if "from" in found]


def _platform() -> Mapping[str, str]:
    """The ARGs that every build has, if it asks for them."""
    architecture, variant = this_machine()
    whole = "/".join(filter(None, ("linux", architecture, variant)))
    parts = {"PLATFORM": whole, "OS": "linux", "ARCH": architecture, "VARIANT": variant}
    return {f"{side}{name}": value for name, value in parts.items() for side in ("TARGET", "BUILD")}
