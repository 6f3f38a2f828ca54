"""An image in the making, and where the store keeps what a build has done already.

What each step made is an image of the store too, under a key that says what it was made of: base, command, environment. That
is the cache: the same step on the same base is not done again, and a step that comes after another is none the less the same.
They are forgotten with the image they were made for, or when that has had many newer ones.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ...engines.base import ImageInfo, Layer
from ...errors import EngineFailed
from .documents import CONFIG, MANIFEST, TAR, canonical, this_machine
from .store import Store

#: Before the key of what a step made.
STEP = "step:"
BUILT = "build"  # ImageInfo.source
_KEPT = 100  # steps for one image


@dataclass(frozen=True, slots=True)
class Draft:
    """What an image is so far: its layers, lowest first, and how it is to be run, in the words of the image format."""

    layers: tuple[Layer, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    history: tuple[Mapping[str, Any], ...] = ()
    created: str = ""

    def configured(self, **fields: Any) -> Draft:
        """With other words of how it is run; None takes one away."""
        merged = {**self.config, **fields}
        return replace(self, config={k: v for k, v in merged.items() if v is not None})

    def noted(self, by: str, *, empty: bool) -> Draft:
        """With one more line of its history."""
        line = {"created": self.created, "created_by": by} | (
            {"empty_layer": True} if empty else {}
        )
        return replace(self, history=(*self.history, line))

    @property
    def env(self) -> dict[str, str]:
        """The environment its processes get."""
        lines = self.config.get("Env") or ()
        return {name: value for name, _, value in (line.partition("=") for line in lines)}

    def info(self, reference: str) -> ImageInfo:
        """As an engine boots it: called after its layers, for it has no configuration yet."""
        below = "\n".join(layer.diff_id for layer in self.layers)
        digest = hashlib.sha256(below.encode()).hexdigest()
        return ImageInfo(reference, f"sha256:{digest}", self.layers, source=BUILT)


class Drafts:
    """What a build needs of a store. ``scratch`` is a folder of the build's own on the same disk."""

    def __init__(self, store: Store, scratch: Path) -> None:
        self._store, self.scratch = store, scratch

    def of(self, info: ImageInfo) -> Draft:
        """An image of the store as what a build begins with. Blocks.

        Raises:
            EngineFailed: its configuration cannot be read.
        """
        try:
            known = self._store.read(info.id)
        except (OSError, ValueError) as problem:
            raise EngineFailed(f"image {info.reference} is broken: {problem}") from problem
        history = tuple(known.get("history") or ())
        filled = sum(not line.get("empty_layer") for line in history)
        return Draft(
            info.layers,
            known.get("config") or {},
            history if filled == len(info.layers) else (),
            known.get("created") or "",
        )

    def made(self, key: str) -> Draft | None:
        """What a step has made before. Blocks."""
        found = self._store.get(STEP + key, key)
        return None if found is None else self.of(found)

    def layer(self, file: Path, digest: str, size: int) -> Layer:
        """Take in a finished layer. Blocks."""
        self._store.adopt(file, digest)
        return Layer(digest, digest, size, TAR)

    def keep_step(self, key: str, draft: Draft, made_for: str) -> None:
        """Remember what a step has made. Blocks."""
        stamp = f"{time.time_ns():020d} {made_for}"
        self._store.put(STEP + key, self._written(draft), BUILT, stamp)

    def keep(self, key: str, draft: Draft) -> None:
        """Make it an image of the store. Blocks."""
        self._store.put(key, self._written(draft), BUILT, now())
        stamps = self._store.stamps(STEP)
        mine = sorted((stamp, step) for step, stamp in stamps.items() if _made_for(stamp) == key)
        for _stamp, step in mine[:-_KEPT]:
            self._store.drop(step)

    def _written(self, draft: Draft) -> dict[str, Any]:
        architecture, variant = this_machine()
        document: dict[str, Any] = {
            "architecture": architecture,
            "os": "linux",
            "config": draft.config,
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in draft.layers]},
        }
        document |= {"variant": variant} if variant else {}
        document |= {"created": draft.created} if draft.created else {}
        document |= {"history": list(draft.history)} if draft.history else {}
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self._store.add_blob(canonical(document), CONFIG),
            "layers": [
                {"mediaType": one.media_type, "digest": one.digest, "size": one.size}
                for one in draft.layers
            ],
        }
        return self._store.add_blob(canonical(manifest), MANIFEST)


def forget_steps(store: Store, key: str) -> bool:
    """Forget what was made on the way to an image; whether there was anything. Blocks."""
    steps = [step for step, stamp in store.stamps(STEP).items() if _made_for(stamp) == key]
    return any([store.drop(step) for step in steps])


def newest_built(store: Store) -> tuple[str, ImageInfo] | None:
    """The image that was built last, and when. Blocks."""
    stamps = store.stamps("")
    built = [
        (stamps[key], info)
        for key, info in store.all()
        if info.source == BUILT and not key.startswith(STEP)
    ]
    return max(built, key=lambda found: found[0], default=None)


def now() -> str:
    """The time, as images write it; texts that sort."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _made_for(stamp: str) -> str:
    return stamp.partition(" ")[2]
