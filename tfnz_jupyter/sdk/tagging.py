"""Things that can be found by a tag: volumes, and containers for the user's other sessions.

Ids and tags are text (bytes are taken as well), a user is the public key of an account. Tags are unique for a user, and
share one space with ids: whoever looks something up gets what has that id, else what has that tag.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from ..errors import NotFound, UsageError
from ..wire import tags

Key = str | bytes


class Taggable:
    """Something with an id, a user it belongs to, and perhaps a tag.

    Raises:
        UsageError: user or id is missing, or the tag is none.
    """

    uuid: str

    def __init__(self, user: bytes, uuid: Key, tag: Key | None = None) -> None:
        if not user or not uuid:
            raise UsageError("what can be tagged needs a user and an id")
        self.user = bytes(user)
        self.uuid = tags.text(uuid, "uuid")
        self.tag = tags.valid(tag)

    @staticmethod
    def valid_tag(tag: Key | None) -> str | None:
        """The tag as it will be kept: lower case; None for None.

        Raises:
            UsageError: it is not 1 to 63 of ``a-z 0-9 - _ .`` with a letter or digit at both ends.
        """
        return tags.valid(tag)

    def uuid_key(self) -> tuple[bytes, str]:
        """(user, id)"""
        return self.user, self.uuid

    def tag_key(self) -> tuple[bytes, str] | tuple[None, None]:
        """(user, tag), or twice None without one."""
        return (self.user, self.tag) if self.tag else (None, None)

    def display_name(self) -> str:
        """``id`` or ``id:tag``; both find it again."""
        return f"{self.uuid}:{self.tag}" if self.tag else self.uuid

    def global_display_name(self) -> str:
        """The same after its user's key, in base64."""
        return f"{base64.b64encode(self.user).decode()}:{self.display_name()}"


T = TypeVar("T", bound=Taggable)


class TaggedCollection(Generic[T]):
    """Taggable things, found by id, by tag or by ``id:tag``. Any thread may read it while it changes."""

    def __init__(self, initial: Iterable[T] | None = None) -> None:
        self._things: dict[tuple[bytes, str], T] = {}  # by user and id
        self._tagged: dict[tuple[bytes, str], T] = {}  # by user and tag
        for thing in initial or ():
            self.add(thing)

    def add(self, thing: T) -> None:
        """Take one in.

        Raises:
            UsageError: its user has something under that id or tag.
        """
        if self.will_clash(thing.user, thing.uuid, thing.tag):
            raise UsageError(f"there is something called {thing.display_name()} already")
        if thing.tag:
            self._tagged[thing.user, thing.tag] = thing
        self._things[thing.uuid_key()] = thing

    def remove(self, thing: T) -> None:
        """Take one out.

        Raises:
            NotFound: it is not here.
        """
        if self._things.get(thing.uuid_key()) is not thing:
            raise NotFound(f"{thing.display_name()} is not here")
        del self._things[thing.uuid_key()]
        if thing.tag:
            self._tagged.pop((thing.user, thing.tag), None)

    def get(self, user: bytes, key: Key) -> T:
        """What the user has under an id, else under a tag; with ``id:tag``, what has both.

        Raises:
            NotFound: nothing.
            UsageError: that is no key.
        """
        first, second = tags.split(key)
        found = self._things.get((user, first))
        if second is None:
            found = found or self._tagged.get((user, first.lower()))
        elif found is not None and found.tag != second:
            found = None
        if found is None:
            raise NotFound(f"there is nothing called {tags.text(key, 'key')!r}")
        return found

    def will_clash(self, user: bytes, uuid: Key, tag: Key | None) -> bool:
        """Whether the user has something under that id or tag already."""
        names = {tags.text(uuid, "uuid"), tags.valid(tag)} - {None}
        return any((user, name) in self._things or (user, name) in self._tagged for name in names)

    def values(self) -> set[T]:
        """All of them."""
        return set(list(self._things.values()))

    __call__ = values

    def __getitem__(self, uuid: Key) -> T:
        name = tags.text(uuid, "uuid")
        for thing in self.values():
            if thing.uuid == name:
                return thing
        raise NotFound(f"there is nothing with the id {name!r}")

    def __contains__(self, wanted: object) -> bool:
        """Whether an id, a tag, or the thing itself is here."""
        if isinstance(wanted, Taggable):
            return self._things.get(wanted.uuid_key()) is wanted
        if not isinstance(wanted, str | bytes):
            return False
        name = tags.text(wanted, "key")
        return any(name == thing.uuid or name.lower() == thing.tag for thing in self.values())

    def __len__(self) -> int:
        return len(self._things)

    def __iter__(self) -> Iterator[T]:
        """All of them, as they are now."""
        return iter(self.values())

    def __repr__(self) -> str:
        names = ", ".join(sorted(thing.display_name() for thing in self.values()))
        return f"<TaggedCollection {names or 'empty'}>"
