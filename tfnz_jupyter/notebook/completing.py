"""TAB after ``%tf``: the grammar's answer, given to IPython's completer.

Names are known here. Only a path inside a container is asked for, and only for a moment: no answer is no completion. Where
nothing fits, nothing is offered: Python's names mean nothing on such a line.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from IPython.core.completer import SimpleCompletion, context_matcher

from ..grammar import Candidate, CompletionNames, complete

if TYPE_CHECKING:
    from IPython.core.completer import CompletionContext

_LINE = re.compile(r"^\s*(?:[\w.,\s\[\]'\"]+=\s*)?%(?P<cell>%?)tf\s+(?P<rest>[^\n]*)$", re.DOTALL)


#: ``inside(container, typed)``: the paths of a container that begin so.
Inside = Callable[[str, str], list[str]]


def matcher(names: Callable[[], CompletionNames], inside: Inside) -> Any:
    """A matcher for ``ip.Completer.custom_matchers``."""

    @context_matcher(identifier="tfnz_jupyter")  # type: ignore[untyped-decorator]  # IPython's own has no types
    def match(context: CompletionContext) -> Any:
        line = context.line_with_cursor[: context.cursor_position]
        found = _LINE.match(line)
        if not found:
            return {"completions": []}
        rest = found["rest"]
        candidates = complete(rest, len(rest), names(), cell=bool(found["cell"]))
        if not candidates:
            return {"completions": _Nothing(), "suppress": True}
        typed = rest[candidates[0].start :]
        return {
            "completions": list(_completions(candidates, typed, inside)) or _Nothing(),
            "matched_fragment": typed,
            "suppress": True,
            "ordered": True,
        }

    return match


class _Nothing(list[SimpleCompletion]):
    """No completion, and no name of Python's either: IPython lets a matcher silence the others only if it has some itself."""

    def __len__(self) -> int:
        return 1


def _completions(
    candidates: Iterable[Candidate], typed: str, inside: Inside
) -> Iterable[SimpleCompletion]:
    for candidate in candidates:
        if candidate.kind == "inside":
            paths = inside(candidate.about, typed)
            yield from (SimpleCompletion(path, type="path") for path in paths)
            continue
        if candidate.kind == "path":
            yield from (SimpleCompletion(path, type="path") for path in _paths(typed))
        else:
            yield SimpleCompletion(candidate.text, type=candidate.kind)


def _paths(typed: str) -> list[str]:
    """Files and folders here that begin so."""
    found = glob.glob(glob.escape(os.path.expanduser(typed)) + "*")
    return sorted(path + "/" * os.path.isdir(path) for path in found)
