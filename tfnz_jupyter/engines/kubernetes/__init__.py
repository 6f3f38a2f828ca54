"""The engine that runs containers as Pods of a Kubernetes cluster: where users outgrow a machine.

No scheduler, overlay network or failover of our own: the cluster's. Importing this costs little; ``kubernetes_asyncio`` is
loaded when an engine opens.
"""

from __future__ import annotations

from .engine import KubernetesEngine

__all__ = ["KubernetesEngine"]
