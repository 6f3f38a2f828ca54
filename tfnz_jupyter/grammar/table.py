"""The grammar itself: every verb with its words and options. Parser, help and completion all read this and nothing else.

Only what really works is here.
"""

from __future__ import annotations

from .slots import Verb
from .verbs_containers import CONTAINERS
from .verbs_images import IMAGES
from .verbs_location import LOCATION
from .verbs_network import NETWORK
from .verbs_stores import STORES

VERBS: tuple[Verb, ...] = CONTAINERS + STORES + IMAGES + NETWORK + LOCATION

BY_NAME: dict[str, Verb] = {
    name: verb for verb in VERBS for name in (verb.name, verb.alias) if name
}
#: First words that mean nothing alone: ``volume``, ``image``; and what may follow.
GROUPS: dict[str, tuple[str, ...]] = {}
for _verb in VERBS:
    _first, _, _second = _verb.name.partition(" ")
    if _second:
        GROUPS[_first] = (*GROUPS.get(_first, ()), _second)
