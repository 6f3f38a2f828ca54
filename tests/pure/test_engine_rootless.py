"""What an ordinary user's engine makes of ids, limits and what it is not given."""

from __future__ import annotations

from pathlib import Path

import pytest

from tfnz_jupyter.engines.base import Limits
from tfnz_jupyter.engines.embedded import entering, needs, subids, userns
from tfnz_jupyter.errors import NotSupported

WHOLE = "         0          0 4294967295\n"
ENTERED = "         0       1000          1\n         1     100000      65536\n"


def test_the_machines_own_namespace_is_told_from_one_of_somebodys():
    assert userns.is_whole(userns.parse(WHOLE))
    assert not userns.is_whole(userns.parse(ENTERED))


def test_containers_users_need_a_whole_span_beside_root():
    root, others = userns.parse(ENTERED)
    assert others.holds(1, 65_536)
    assert not others.holds(1, 65_537)
    assert not root.holds(0, 2)


@pytest.mark.parametrize(
    ("limits", "named"),
    [(Limits(memory=1 << 20), "memory="), (Limits(cpus=1), "cpus="), (Limits(pids=9), "pids=")],
)
def test_a_limit_that_would_not_hold_is_refused_by_name(limits: Limits, named: str):
    lacking = dict.fromkeys(("memory", "cpu", "pids"), "only root can set them")
    with pytest.raises(NotSupported, match=f"{named} is not supported .*: only root"):
        needs.require_limits(limits, lacking)
    needs.require_limits(limits, {})
    needs.require_limits(Limits(), lacking)


def test_a_user_without_subordinate_ids_is_told_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(subids, "FILES", (tmp_path / "none", tmp_path / "none"))
    monkeypatch.setattr("os.geteuid", lambda: 4711)
    with pytest.raises(NotSupported, match="no 65,536 subordinate ids") as caught:
        entering.enter(tmp_path)
    assert "usermod --add-subuids" in caught.value.hint
