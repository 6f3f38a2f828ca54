"""The way out: pasta, a process of the host's network that holds a tap in the engine's.

No route, rule or setting of the host is touched, so nothing can be left behind: it ends with the keeper's pid namespace.
It opens the engine's namespace by an inherited descriptor, because it drops its capabilities before it opens a path. It
starts in the background; nobody waits for it.
"""

from __future__ import annotations

import os
import shutil
import signal

from .firewall import RESOLVER, UPLINK, UPLINK_ADDRESS, UPLINK_GATEWAY, UPLINK_PREFIX
from .outside import Outside

_MTU = 65520
_PATH = "/usr/bin:/bin:/usr/local/bin"
_QUICK = 5.0  # seconds; who ends sooner did not work, and is not started again and again


def command(netns: int) -> list[str]:
    """pasta's arguments. Nothing is forwarded inwards, and its gateway is not the host's loopback."""
    return [
        "pasta", "--foreground", "--quiet", "--netns-only", "--runas", "0:0", "--config-net", "--no-map-gw",
        "-a", str(UPLINK_ADDRESS), "-n", str(UPLINK_PREFIX), "-g", str(UPLINK_GATEWAY),
        "-4", "-m", str(_MTU), "-I", UPLINK, "-t", "none", "-u", "none", "-T", "none", "-U", "none",
        "--dns-forward", str(RESOLVER), "--netns", f"/proc/self/fd/{netns}",
    ]  # fmt: skip


def missing() -> str | None:
    """Why there can be no way out, or None. Asked for in the host's network."""
    if shutil.which("pasta", path=_PATH) is None:
        return "Containers have no way out: pasta is missing (apt-get install passt)."
    if not os.path.exists("/dev/net/tun"):
        return "Containers have no way out: there is no /dev/net/tun (modprobe tun)."
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return (
            "Containers have no way out: /dev/net/tun may not be opened (chmod 0666 /dev/net/tun)."
        )
    with open("/proc/thread-self/net/route") as routes:
        if not any(line.split()[1:2] == ["00000000"] for line in routes):
            return "Containers have no way out: this machine has no default route."
    return None


class Uplink:
    """One pasta for all containers; ``pid`` is None while there is none."""

    def __init__(self, netns: int, outside: Outside) -> None:
        self._netns, self._outside = netns, outside
        self._born = 0.0
        self.pid: int | None = None

    def start(self, now: float) -> None:
        self._born = now
        self.pid = self._outside.do(self._spawn)

    def _spawn(self) -> int:
        inherited = 3
        return os.posix_spawn(
            shutil.which("pasta", path=_PATH) or "pasta",
            command(inherited),
            {"PATH": "/usr/bin:/bin"},
            file_actions=[(os.POSIX_SPAWN_DUP2, self._netns, inherited)],
            setsigdef=[
                signal.SIGPIPE,
                signal.SIGINT,
            ],  # it gives up on one that is not as it expects
        )

    def ended(self, status: int, now: float) -> str | None:
        """It is gone: start it again, or say why not."""
        self.pid = None
        if now - self._born < _QUICK:
            code = os.waitstatus_to_exitcode(status)
            return f"Containers have no way out: pasta ended with {code}; the keeper's log has its words."
        self.start(now)
        return None
