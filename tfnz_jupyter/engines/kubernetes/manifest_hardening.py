"""What no Pod of ours may do, whatever is in it. Pure.

No account at the API server, no list of the namespace's services in its environment, the runtime's filter of system calls,
no way to more rights than it began with, and no capability besides those named.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..capabilities import CAPABILITIES

Json = dict[str, Any]


def pod_security() -> Json:
    """Of a Pod's ``spec``."""
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
    }


def container_security(capabilities: Sequence[str] = CAPABILITIES) -> Json:
    """A container's ``securityContext``; capabilities are named as Linux names them."""
    added = [name.removeprefix("CAP_") for name in capabilities]
    return {
        "privileged": False,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"], "add": added},
    }
