"""What the cluster says of a Pod, in our words."""

from __future__ import annotations

from typing import Any

import pytest

from tfnz_jupyter.engines.base import Exit
from tfnz_jupyter.engines.kubernetes.manifest_news import read

_RUNS = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}


def pod(*, deleted: bool = False, **status: Any) -> dict[str, Any]:
    """A Pod on node-1 as the API server gives it."""
    metadata = {"name": "p", "uid": "1"}
    if deleted:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return {"metadata": metadata, "spec": {"nodeName": "node-1"}, "status": status}


def main(state: dict[str, Any], starts: int = 0, **more: Any) -> dict[str, Any]:
    """The status of a Pod's containers: the tools are there, and the image's is like that."""
    done = {"state": {"terminated": {"exitCode": 0}}}
    return {
        "initContainerStatuses": [done],
        "containerStatuses": [{"state": state, "restartCount": starts, **more}],
    }


def waiting(reason: str, message: str) -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": message}}


def test_one_that_was_only_asked_for_promises_nothing():
    news = read({"metadata": {"name": "p"}, "spec": {}}, 0)
    assert (news.ip, news.prepared, news.runs, news.over) == ("", False, False, None)


def test_its_tools_are_there_before_its_container_runs():
    before = read(pod(podIP="10.0.0.1", **main(waiting("PodInitializing", ""))), 0)
    assert (before.ip, before.prepared, before.runs) == ("10.0.0.1", True, False)
    runs = read(pod(**main(_RUNS, imageID="docker.io/library/nginx@sha256:00")), 0)
    assert (runs.runs, runs.digest) == (True, "sha256:00")


def test_why_there_is_no_place_for_it_is_kept():
    said = {"type": "PodScheduled", "status": "False", "message": "0/2 nodes are available"}
    assert read(pod(conditions=[said]), 0).held == "0/2 nodes are available"


@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff", "InvalidImageName"])
def test_an_image_that_cannot_be_had_fails_it_with_the_runtimes_words(reason: str):
    failed = read(pod(**main(waiting(reason, "no such host"))), 0).failed
    assert "image" in failed
    assert "no such host" in failed


def test_waiting_for_what_will_come_is_no_failure():
    assert read(pod(**main(waiting("ContainerCreating", ""))), 0).failed == ""


def test_tools_that_cannot_be_installed_fail_it():
    broken = {"state": {"terminated": {"exitCode": 1, "reason": "Error", "message": "no room"}}}
    assert "no room" in read(pod(initContainerStatuses=[broken]), 0).failed


def test_an_eviction_ends_it_with_the_nodes_words():
    over = read(pod(phase="Failed", reason="Evicted", message="low on memory"), 0).over
    assert over is not None
    assert over.code is None
    assert "node-1: Evicted low on memory" in over.reason


def test_one_that_somebody_deletes_is_over_and_says_who_if_that_is_told():
    assert read(pod(deleted=True), 0).over == Exit(
        reason="unknown: its Pod was deleted, by hand, by a drain or with its node"
    )
    told = {"type": "DisruptionTarget", "status": "True", "message": "preempted"}
    assert read(pod(deleted=True, conditions=[told]), 0).over == Exit(
        reason="unknown: its Pod was deleted: preempted"
    )


def test_too_much_memory_is_told_as_such():
    killed = {"terminated": {"reason": "OOMKilled", "exitCode": 137}}
    for status in (main(killed), main(_RUNS, starts=1, lastState=killed)):
        assert read(pod(**status), 0).over == Exit(
            signal=9, reason="out of memory: its limit was reached"
        )


def test_a_restart_that_was_asked_for_is_no_end():
    killed = {"terminated": {"reason": "Completed", "exitCode": 0}}
    assert read(pod(**main(killed, starts=0)), 1).over is None
    assert read(pod(**main(_RUNS, starts=1, lastState=killed)), 1).over is None


def test_one_that_was_not_is_the_end_of_all_in_it():
    killed = {"terminated": {"reason": "Error", "exitCode": 137}}
    for status in (main(killed, starts=1), main(_RUNS, starts=2, lastState=killed)):
        over = read(pod(**status), 1).over
        assert over == Exit(reason="unknown: all in it was ended (Error)")
