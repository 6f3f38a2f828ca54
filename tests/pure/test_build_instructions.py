"""What instructions that run nothing make of an image."""

from __future__ import annotations

from typing import Any

import pytest

from tfnz_jupyter.dockerfile import read
from tfnz_jupyter.errors import NotSupported, UsageError
from tfnz_jupyter.server.building.instructions import apply
from tfnz_jupyter.server.images.drafts import Draft

BASE = Draft(config={"Env": ["PATH=/bin", "A=0"], "WorkingDir": "/base", "Labels": {"of": "base"}})


def made(text: str, draft: Draft = BASE) -> dict[str, Any]:
    for one in read(text):
        draft = apply(
            draft, one, lambda name, now=draft: now.env.get(name, {"ARG": "arg"}.get(name))
        )
    return dict(draft.config)


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("ENV A=1 B=$ARG", "Env", ["PATH=/bin", "A=1", "B=arg"]),
        ("ENV A=1 B=$A", "Env", ["PATH=/bin", "A=1", "B=0"]),  # as it was before the instruction
        ("LABEL x=1", "Labels", {"of": "base", "x": "1"}),
        ("WORKDIR sub", "WorkingDir", "/base/sub"),
        ("WORKDIR /a\nWORKDIR ../b", "WorkingDir", "/b"),
        ("CMD echo hi", "Cmd", ["/bin/sh", "-c", "echo hi"]),
        ('CMD ["echo", "hi"]', "Cmd", ["echo", "hi"]),
        ('SHELL ["/bin/bash", "-c"]\nENTRYPOINT x y', "Entrypoint", ["/bin/bash", "-c", "x y"]),
        ("EXPOSE 80 90-91/udp", "ExposedPorts", {"80/tcp": {}, "90/udp": {}, "91/udp": {}}),
        ("USER $ARG:1", "User", "arg:1"),
        ('VOLUME ["/a", "/b"]', "Volumes", {"/a": {}, "/b": {}}),
        ("STOPSIGNAL SIGQUIT", "StopSignal", "SIGQUIT"),
        ("MAINTAINER me", "Labels", {"of": "base", "maintainer": "me"}),
        ("HEALTHCHECK NONE", "Healthcheck", {"Test": ["NONE"]}),
        (
            "HEALTHCHECK --interval=1m30s --retries=2 CMD true",
            "Healthcheck",
            {"Test": ["CMD-SHELL", "true"], "Interval": 90 * 10**9, "Retries": 2},
        ),
    ],
)
def test_an_instruction_says_how_the_image_is_run(text: str, field: str, value: object):
    assert made(text)[field] == value


@pytest.mark.parametrize(
    "text",
    [
        "ENV A",
        "EXPOSE http",
        "EXPOSE 70000",
        "EXPOSE 1-1001",
        "SHELL bash",
        "HEALTHCHECK x",
        "ENV A=${",
        "LABEL 'a",
    ],
)
def test_one_without_meaning_is_told_with_its_line(text: str):
    with pytest.raises(UsageError, match="Dockerfile line 1: "):
        made(text)


def test_what_is_not_done_here_is_refused():
    with pytest.raises(NotSupported, match="line 1: ONBUILD is not done here"):
        made("ONBUILD RUN x")


def test_nothing_changes_the_draft_an_instruction_began_with():
    before = dict(BASE.config)
    made("ENV A=1\nLABEL x=1\nEXPOSE 80")
    assert dict(BASE.config) == before
