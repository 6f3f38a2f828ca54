"""What fuzz tests are fed with: any packet there can be, made from the classes themselves, and any bytes."""

from __future__ import annotations

import types
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import strategies as st

from tfnz_jupyter.wire import messages as m

_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(max_size=20),
    bytes: st.binary(max_size=50),
    int: st.integers(-(2**63), 2**64 - 1),
    float: st.floats(allow_nan=False),
    bool: st.booleans(),
    type(None): st.none(),
}


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Anything of a type that a message's field may have."""
    origin, inside = get_origin(kind), get_args(kind)
    if kind in _PLAIN:
        return _PLAIN[kind]
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return structs(kind)
    if origin in (Union, types.UnionType):
        return st.one_of([values(one) for one in inside])
    if origin is Literal:
        return st.sampled_from(inside)
    if origin is list:
        return st.lists(values(inside[0]), max_size=3)
    if origin is dict:
        return st.dictionaries(values(inside[0]), values(inside[1]), max_size=3)
    if origin is tuple and inside[-1] is Ellipsis:
        return st.lists(values(inside[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*map(values, inside))
    raise TypeError(f"no way to make {kind}")


def structs(kind: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    """Any message of a class."""
    hints = get_type_hints(kind)
    fields = msgspec.structs.fields(kind)
    return st.deferred(lambda: st.builds(kind, **{f.name: values(hints[f.name]) for f in fields}))


PACKETS: st.SearchStrategy[m.Packet] = values(m.Packet)
BULK = st.binary(max_size=200)
