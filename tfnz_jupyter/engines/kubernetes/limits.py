"""What a Pod cannot be limited in. Pure."""

from __future__ import annotations

from ...errors import NotSupported
from ..base import Limits


def check(limits: Limits) -> None:
    """Raises ``NotSupported`` for a limit that no Pod can be given."""
    if limits.pids is not None:
        raise NotSupported(
            "pids= cannot be limited on Kubernetes: it is a setting of its nodes, and the same for all Pods",
            hint="The kubelet's podPidsLimit is what your cluster has set.",
        )
    if limits.disk is not None:
        raise NotSupported(
            "disk= cannot be limited on Kubernetes: it ends a Pod that writes too much, and no more",
            hint="Have it write to a volume.",
        )
