"""What is concluded from the two Pods that try whether a cluster heeds NetworkPolicies, and that they are gone then."""

from __future__ import annotations

from typing import Any

import pytest

from tfnz_jupyter.engines.kubernetes import manifest_probe
from tfnz_jupyter.engines.kubernetes.enforcement import OPEN, UNKNOWN, UNTRIED, Enforcement

OTHER = "the cluster has no metrics API"


class Pods:
    """What ``Api`` would be: the listener is ready, the knocker has ended with that code; ``left`` are there from before."""

    def __init__(self, code: int | None, *left: str) -> None:
        self._code, self.there = code, {name: {} for name in left}
        self.made: list[dict[str, Any]] = []

    async def create(self, path: str, pod: dict[str, Any]) -> dict[str, Any] | None:
        name = pod["metadata"]["name"]
        if name in self.there:
            return None
        self.made.append(pod)
        ended = {"exitCode": self._code} if self._code is not None else {}
        self.there[name] = {
            "phase": "Failed" if name.endswith("knocks") else "Running",
            "podIP": "10.0.0.7",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"state": {"terminated": ended}}],
        }
        return pod

    async def get(self, path: str) -> dict[str, Any]:
        name = path.rpartition("/")[2]
        return {"metadata": {"name": name}, "status": self.there[name]}

    async def delete(self, path: str, *, grace: int) -> bool:
        return self.there.pop(path.rpartition("/")[2], None) is not None


async def told(pods: Pods) -> list[str]:
    """What a location's sessions hear in the end that heard something else before."""

    async def image() -> str:
        return "busybox"

    degraded = [OTHER]
    enforcement = Enforcement(pods, "ns", "here", {"uid": "1"}, image)  # type: ignore[arg-type]
    await enforcement.tell(degraded)
    return degraded


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (manifest_probe.REFUSED, [OTHER]),  # the cluster enforces them: nothing to tell
        (0, [OTHER, OPEN]),
        (1, [OTHER, UNTRIED]),  # busybox failed otherwise
        (None, [OTHER, UNTRIED]),  # it was ended, at its deadline say
    ],
)
async def test_what_the_one_that_knocks_met_is_told(code: int | None, words: list[str]) -> None:
    pods = Pods(code)
    assert await told(pods) == words
    assert pods.there == {}


async def test_it_knocks_where_the_other_listens() -> None:
    pods = Pods(0)
    await told(pods)
    listens, knocks = (pod["spec"]["containers"][0] for pod in pods.made)
    assert str(manifest_probe.PORT) in listens["command"]
    assert knocks["command"][-2:] == ["10.0.0.7", str(manifest_probe.PORT)]


async def test_pods_that_a_killed_location_has_left_are_replaced() -> None:
    pods = Pods(0, "tfnz-here-listens", "tfnz-here-knocks")
    assert await told(pods) == [OTHER, OPEN]
    assert len(pods.made) == 2


async def test_that_it_is_not_known_yet_is_told_meanwhile() -> None:
    degraded: list[str] = []
    heard: list[list[str]] = []

    async def image() -> str:
        heard.append(list(degraded))
        return "busybox"

    await Enforcement(Pods(3), "ns", "here", {"uid": "1"}, image).tell(degraded)  # type: ignore[arg-type]
    assert heard == [[UNKNOWN]]
    assert degraded == []
