"""The images of everybody: a store for each user, in which only what that user has pulled or brought is present.

So a digest that somebody knows is worth nothing: a layer that another user has is fetched again, and only then, verified,
becomes the same file. What recipes make is nobody's secret: it is made once, in the store of the location's own user.
"""

from __future__ import annotations

from pathlib import Path

from .images import Images, Source
from .rules import Rules


class Library:
    """The stores of one location.

    Args:
        folder: of the location's own user's images; the others' lie beside it.
        operator: who that is.
        registries: hosts that others may pull from although they are not on the public internet.
        engine: may have images by itself, for the operator; to others they are not there.
    """

    def __init__(
        self,
        folder: Path,
        operator: str,
        registries: frozenset[str] = frozenset(),
        engine: Source | None = None,
    ) -> None:
        self._folder = folder
        self._pool = folder.with_name("layers")
        self._operator = operator
        self._rules = Rules(here=False, registries=registries)
        self._own = Images(folder, pool=self._pool, engine=engine)
        self._others: dict[str, Images] = {}

    def in_use(self) -> tuple[frozenset[str], frozenset[str]]:
        """The ids of all images of everybody who has been here, and the diff ids of their layers. Blocks."""
        every = [one for images in (self._own, *self._others.values()) for one in images.every()]
        diff_ids = frozenset(layer.diff_id for image in every for layer in image.layers)
        return frozenset(image.id for image in every), diff_ids

    def of(self, user: str) -> Images:
        """The images of a user."""
        if user == self._operator:
            return self._own
        if user not in self._others:
            place = self._folder.with_name("images-of") / user
            self._others[user] = Images(
                place, rules=self._rules, kitchen=self._own, pool=self._pool
            )
        return self._others[user]
