"""What an engine is told: options by name, each with one value or several, as the user wrote them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ..errors import UsageError

Options = Mapping[str, tuple[str, ...]]

_NO = ("", "0", "no", "false")


def known(options: Options, engine: str, names: Collection[str]) -> None:
    """Raise ``UsageError`` for an option that the engine does not have."""
    for name in options:
        if name not in names:
            having = ", ".join(map(_flag, names)) or "none"
            raise UsageError(
                f"the {engine} engine has no option {_flag(name)}", hint=f"Its options: {having}."
            )


def one(options: Options, name: str, otherwise: str = "") -> str:
    """The value of an option that has one. Raises ``UsageError``: it is given twice."""
    values = options.get(name, (otherwise,))
    if len(values) != 1:
        raise UsageError(f"{_flag(name)} can be given only once", hint=f"It is: {values}.")
    return values[0]


def switch(options: Options, name: str) -> bool:
    """Whether an option without a value is given."""
    return one(options, name).lower() not in _NO


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
