"""Pods of a cluster that is away just when they are to go."""

from __future__ import annotations

from pathlib import Path

import pytest

from tfnz_jupyter.engines.base import ContainerSpec, ImageInfo
from tfnz_jupyter.engines.kubernetes import engine as engines
from tfnz_jupyter.engines.kubernetes.network import Network
from tfnz_jupyter.engines.kubernetes.pods import Pod
from tfnz_jupyter.errors import Unreachable

SPEC = ContainerSpec("web", "web", ImageInfo("nginx", "sha256:0", ()), (), (), "/", "")


class Away:
    """An API server that does not answer at first."""

    def __init__(self) -> None:
        self.deleted: list[str] = []
        self.failures = 3

    async def delete(self, path: str, grace: int) -> bool:
        if self.failures:
            self.failures -= 1
            raise Unreachable("the cluster's API server does not answer")
        self.deleted.append(path)
        return True


async def test_a_pod_that_could_not_be_deleted_is_deleted_once_the_cluster_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(engines, "pause", lambda turn: 0)
    api, engine = Away(), engines.KubernetesEngine(tmp_path, tmp_path, {})
    engine._network = Network(api, "lab", "here", {})
    await engine._remove(Pod(api, "/pods", SPEC, "node"), 0)
    await engine._background.over()
    assert api.deleted == ["/pods/web"]
