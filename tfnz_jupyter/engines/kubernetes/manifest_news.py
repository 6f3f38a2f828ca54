"""What the cluster says of a Pod, in our words. Pure.

A Pod's status is a story of many parts; three questions are asked of it: can its command be run, why can it never be, and
is all in it over. The kubelet tells a second late, so that nothing here is a promise of what is so at this moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..base import Exit

Json = Mapping[str, Any]

#: Why the kubelet waits and will go on waiting, and what that means.
_HOPELESS = {
    "ErrImagePull": "its image cannot be fetched",
    "ImagePullBackOff": "its image cannot be fetched",
    "ErrImageNeverPull": "its image is not there",
    "InvalidImageName": "its image has no valid name",
    "CreateContainerConfigError": "it cannot be made",
    "CreateContainerError": "it cannot be made",
    "RunContainerError": "it cannot be started",
    "CrashLoopBackOff": "what starts its command fails",
}


@dataclass(frozen=True, slots=True)
class News:
    """A Pod as last told of.

    Args:
        prepared: its tools are there: the image's container comes next.
        runs: the image's container runs.
        digest: of the image that it runs, where the runtime knows one.
        held: why it is on no node yet.
        failed: why its command can never be run.
        over: how all in it has ended; None while it has not.
    """

    ip: str = ""
    prepared: bool = False
    runs: bool = False
    digest: str = ""
    held: str = ""
    failed: str = ""
    over: Exit | None = None


def read(pod: Json, turns: int) -> News:
    """What a Pod's object says; ``turns``: how often its container was to be started again."""
    status = pod.get("status", {})
    first = _first(status.get("initContainerStatuses"))
    main = _first(status.get("containerStatuses"))
    return News(
        ip=status.get("podIP", ""),
        prepared=first.get("state", {}).get("terminated", {}).get("exitCode") == 0,
        runs="running" in main.get("state", {}),
        digest=main.get("imageID", "").partition("@")[2],
        held=_held(status),
        failed=_failed(first) or _failed(main) or _refused(first),
        over=_over(pod, status, main, turns),
    )


def starts(pod: Json) -> int:
    """How often a Pod's container was started again."""
    main = _first(pod.get("status", {}).get("containerStatuses"))
    return int(main.get("restartCount", 0))


def _first(found: list[Json] | None) -> Json:
    return found[0] if found else {}


def _held(status: Json) -> str:
    for one in status.get("conditions", ()):
        if one["type"] == "PodScheduled" and one["status"] == "False":
            return str(one.get("message") or one.get("reason"))
    return ""


def _failed(container: Json) -> str:
    waiting = container.get("state", {}).get("waiting", {})
    meaning = _HOPELESS.get(waiting.get("reason", ""))
    return f"{meaning}: {waiting.get('message', waiting['reason'])}" if meaning else ""


def _refused(installer: Json) -> str:
    """The container that brings our tools has no business failing: its image is no good."""
    ended = installer.get("state", {}).get("terminated", {})
    if ended.get("exitCode", 0) == 0:
        return ""
    return f"what starts its command cannot be installed: {ended.get('message') or ended.get('reason')}"


def _over(pod: Json, status: Json, main: Json, turns: int) -> Exit | None:
    where = pod["spec"].get("nodeName", "")
    if status.get("phase") in ("Failed", "Succeeded"):
        reason, message = status.get("reason", ""), status.get("message", "")
        words = f"unknown: its Pod was ended by {where or 'the cluster'}: {reason} {message}"
        return Exit(reason=words.strip())
    if pod["metadata"].get("deletionTimestamp"):
        return Exit(reason=f"unknown: its Pod was deleted{_disruption(status)}")
    return _died(main, turns)


def _disruption(status: Json) -> str:
    """Who deletes it, where that is told."""
    for one in status.get("conditions", ()):
        if one["type"] == "DisruptionTarget" and one["status"] == "True":
            return f": {one.get('message') or one.get('reason')}"
    return ", by hand, by a drain or with its node"


def _died(main: Json, turns: int) -> Exit | None:
    """Its first process has ended, which waits for others and ends for nothing but force."""
    starts = main.get("restartCount", 0)
    ended = main.get("state", {}).get("terminated") or {}
    if starts > turns:
        ended = main.get("lastState", {}).get("terminated") or {}
    elif starts < turns or not ended:
        return None
    if ended.get("reason") == "OOMKilled":
        return Exit(signal=9, reason="out of memory: its limit was reached")
    return Exit(reason=f"unknown: all in it was ended ({ended.get('reason', 'nobody says why')})")
