"""What instructions that run nothing make of an image. Pure.

The configuration is in the words of the image format (``Env``, ``Cmd``, ...), whatever an engine makes of them later.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from typing import Any

from ...dockerfile import Instruction, Lookup, expand, pairs, split_words, wrong
from ...errors import NotSupported, TfnzError
from ..images.drafts import Draft

_SHELL = ["/bin/sh", "-c"]
_PORT = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?(?:/(tcp|udp|sctp))?")
_MOST_PORTS = 1000  # of an image; a range is written as each of its ports
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_UNITS = {"ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_CHECKED = {"interval": "Interval", "timeout": "Timeout", "start-period": "StartPeriod"}


def apply(draft: Draft, one: Instruction, lookup: Lookup) -> Draft:
    """The draft after one instruction that writes no file.

    Raises:
        UsageError: it has no meaning; with the line.
        NotSupported: it is not done here.
    """
    try:
        return _DEEDS[one.name](draft, one, lookup)
    except TfnzError:
        raise
    except ValueError as problem:
        raise wrong(one.line, f"{one.shown}: {problem}") from None


def command(draft: Draft, one: Instruction) -> list[str]:
    """What a JSON form says, or a line for the image's shell."""
    listed = one.listed()
    return [*shell(draft), one.rest] if listed is None else listed


def shell(draft: Draft) -> list[str]:
    """What runs a line."""
    return list(draft.config.get("Shell") or _SHELL)


def folder(draft: Draft) -> str:
    """Where its processes begin."""
    return draft.config.get("WorkingDir") or "/"


def _env(draft: Draft, one: Instruction, lookup: Lookup) -> Draft:
    merged = draft.env | dict(pairs(one.rest, lookup, one.escape))
    return draft.configured(Env=[f"{name}={value}" for name, value in merged.items()])


def _label(draft: Draft, one: Instruction, lookup: Lookup) -> Draft:
    labels = {**(draft.config.get("Labels") or {}), **dict(pairs(one.rest, lookup, one.escape))}
    return draft.configured(Labels=labels)


def _cmd(draft: Draft, one: Instruction, lookup: Lookup) -> Draft:
    return draft.configured(Cmd=command(draft, one))


def _entrypoint(draft: Draft, one: Instruction, lookup: Lookup) -> Draft:
    return draft.configured(Entrypoint=command(draft, one))


def _shell(draft: Draft, one: Instruction, lookup: Lookup) -> Draft:
    listed = one.listed()
    if not listed:
        raise ValueError('it is a list, like SHELL ["/bin/bash", "-c"]')
    return draft.configured(Shell=listed)


def _user(draft: Draft, one: Instruction, lookup: Lookup) -> Draft:
    return draft.configured(User=expand(one.rest, lookup, one.escape))


def _workdir(draft: Draft, one: Instruction, lookup: Lookup) -> Draft:
    path = posixpath.join(folder(draft), expand(one.rest, lookup, one.escape))
    return draft.configured(WorkingDir=posixpath.normpath(path))


def _stopsignal(draft: Draft, one: Instruction, lookup: Lookup) -> Draft:
    return draft.configured(StopSignal=expand(one.rest, lookup, one.escape))


def _expose(draft: Draft, one: Instruction, lookup: Lookup) -> Draft:
    ports = dict(draft.config.get("ExposedPorts") or {})
    for word in split_words(one.rest, one.escape):
        text = expand(word, lookup, one.escape)
        found = _PORT.fullmatch(text)
        if found is None or not 0 < int(found[1]) <= int(found[2] or found[1]) < 65_536:
            raise ValueError(f"{text} is not a port")
        for port in range(int(found[1]), int(found[2] or found[1]) + 1):
            ports[f"{port}/{found[3] or 'tcp'}"] = {}
            if len(ports) > _MOST_PORTS:
                raise ValueError(f"an image exposes at most {_MOST_PORTS:,} ports")
    return draft.configured(ExposedPorts=ports)


def _volume(draft: Draft, one: Instruction, lookup: Lookup) -> Draft:
    words = one.listed() or split_words(one.rest, one.escape)
    places: dict[str, Any] = {expand(word, lookup, one.escape): {} for word in words}
    return draft.configured(Volumes={**(draft.config.get("Volumes") or {}), **places})


def _maintainer(draft: Draft, one: Instruction, lookup: Lookup) -> Draft:
    labels = draft.config.get("Labels") or {}
    return draft.configured(Labels={**labels, "maintainer": one.rest})


def _healthcheck(draft: Draft, one: Instruction, lookup: Lookup) -> Draft:
    kind, _, rest = one.rest.partition(" ")
    if kind.upper() == "NONE" and not one.flags:
        return draft.configured(Healthcheck={"Test": ["NONE"]})
    if kind.upper() != "CMD" or not rest.strip():
        raise ValueError("it is HEALTHCHECK CMD ... or HEALTHCHECK NONE")
    test = Instruction(one.line, "CMD", rest.strip())
    listed = test.listed()
    said: dict[str, Any] = {
        "Test": ["CMD-SHELL", test.rest] if listed is None else ["CMD", *listed]
    }
    for name, value in one.flags:
        if name == "retries" and value.isdecimal():
            said["Retries"] = int(value)
        elif name in _CHECKED:
            said[_CHECKED[name]] = _nanoseconds(value)
        else:
            raise ValueError(f"it has no --{name}={value}")
    return draft.configured(Healthcheck=said)


def _nanoseconds(text: str) -> int:
    found = _DURATION.findall(text)
    if not found or "".join(number + unit for number, unit in found) != text:
        raise ValueError(f"{text!r} is not a duration, like 30s")
    return sum(int(float(number) * _UNITS[unit]) for number, unit in found)


def _onbuild(draft: Draft, one: Instruction, lookup: Lookup) -> Draft:
    raise NotSupported(
        f"Dockerfile line {one.line}: ONBUILD is not done here",
        hint="Write the instruction into the Dockerfile of the image that needs it.",
    )


_DEEDS: dict[str, Callable[[Draft, Instruction, Lookup], Draft]] = {
    "CMD": _cmd,
    "ENTRYPOINT": _entrypoint,
    "ENV": _env,
    "EXPOSE": _expose,
    "HEALTHCHECK": _healthcheck,
    "LABEL": _label,
    "MAINTAINER": _maintainer,
    "ONBUILD": _onbuild,
    "SHELL": _shell,
    "STOPSIGNAL": _stopsignal,
    "USER": _user,
    "VOLUME": _volume,
    "WORKDIR": _workdir,
}
