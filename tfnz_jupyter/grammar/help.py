"""What the user is told about the grammar, made from the table."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import UsageError
from .parser import nearest
from .slots import Argument, Option, Verb
from .table import BY_NAME, GROUPS, VERBS
from .verbs_cells import CELLS, CELLS_BY_NAME

_WIDEST = 32  # characters of an option, before what it does goes on a line of its own


def overview(prog: str = "%tf") -> str:
    """All verbs, a line each."""
    rows = [("", "where we are, the nodes and the containers, live")]
    rows += [(_heading(verb), verb.summary) for verb in VERBS]
    width = max(len(left) for left, _ in rows)
    lines = [f"  {prog} {left:<{width}}   {right}" for left, right in rows]
    if prog == "%tf":
        cells = " | ".join(verb.name for verb in CELLS)
        lines.append(f"  %%tf {cells}: the cell is the script, or the file")
    return "\n".join([f"{prog}: containers, from here", "", *lines, "", _footer(prog)])


def describe(name: str, prog: str = "%tf") -> str:
    """One verb: its words, its options, an example; or the verbs of a group.

    Raises:
        UsageError: there is no such verb.
    """
    if name in GROUPS:
        return "\n\n".join(describe(f"{name} {second}", prog) for second in GROUPS[name])
    verb = BY_NAME.get(name)
    if verb is None:
        near = nearest(name, BY_NAME)
        hint = f"Did you mean: {prog} help {near}" if near else f"{prog} help lists what there is."
        raise UsageError(f"{prog} has no {name!r}.", hint=hint)
    told = page(verb, prog)
    cell = CELLS_BY_NAME.get(name, verb)
    return f"{told}\n\n{page(cell, '%%tf')}" if cell is not verb and prog == "%tf" else told


def page(verb: Verb, prog: str) -> str:
    """All there is to say about one verb."""
    return "\n".join(_describe(verb, prog))


def _describe(verb: Verb, prog: str) -> Iterator[str]:
    yield f"{prog} {_usage(verb)}"
    yield f"    {verb.summary}"
    if verb.options:
        yield ""
        rows = [(_flags(option), _about(option)) for option in verb.options]
        width = max(len(left) for left, _ in rows if len(left) <= _WIDEST)
        for left, right in rows:
            if len(left) > _WIDEST:
                yield f"  {left}"
                left = ""
            yield f"  {left:<{width}}   {right}"
    if verb.notes:
        yield from ("", f"  {verb.notes}")
    if verb.alias:
        yield from ("", f"  {verb.alias} is another word for it.")
    if verb.example:
        yield from ("", f"  For example:  {prog} {verb.example}")


def _usage(verb: Verb) -> str:
    options = "[OPTIONS] " if verb.options else ""
    return f"{verb.name} {options}{' '.join(map(_slot, verb.arguments))}".rstrip()


def _heading(verb: Verb) -> str:
    return f"{verb.name} {' '.join(map(_slot, verb.arguments))}".rstrip()


def _slot(argument: Argument) -> str:
    many = f"{argument.metavar} ..."
    if argument.how == "rest":
        return many if argument.least else f"[{many}]"
    return {
        "optional": f"[{argument.metavar}]",
        "words": f"[{argument.metavar}]",
        "some": many,
        "any": f"[{many}]",
    }.get(argument.how, argument.metavar)


def _flags(option: Option) -> str:
    value = f"[={option.metavar}]" if option.implied is not None else f" {option.metavar}"
    return f"{', '.join(option.flags)}{value}".rstrip()


def _about(option: Option) -> str:
    return option.help + (" (may be repeated)" if option.repeats else "")


def _footer(prog: str) -> str:
    return f"  {prog} VERB -h tells more about one.  NAME is a variable, a name or the beginning of an id."
