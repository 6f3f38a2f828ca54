"""Redis, with its data on a volume or with none to keep."""

from __future__ import annotations

from collections.abc import Callable

from .. import Node, UsageError, Volume
from .service import Service
from .service import password as new_password

_CONFIGURATION = "/usr/local/etc/redis/redis.conf"
_PORT = 6379


class Redis(Service):
    """A Redis server that asks for ``password``.

    Args:
        node: where it shall run.
        volume: keeps every write (``appendonly``); without one, everything goes with the container.
        password: of letters and digits if not given.
        log_callback: ``(container, bytes)`` for what it logs.
        image: ``redis`` if not given; any that behaves like the official one.
    """

    def __init__(
        self,
        node: Node,
        volume: Volume | None = None,
        *,
        password: str | None = None,
        log_callback: Callable[..., object] | None = None,
        image: str | None = None,
    ) -> None:
        if password is not None and (not password or any(c in password for c in '"\\\n\0')):
            raise UsageError("a password is at least one character, and no quote, line or NUL")
        self.volume = volume
        self.password = password or new_password()
        kept = "yes" if volume else "no"
        lines = (
            "protected-mode no",
            "dir /data",
            'save ""',
            f"appendonly {kept}",
            f'requirepass "{self.password}"',
        )
        container = node.spawn_container(
            image or "redis",
            volumes=[(volume, "/data")] if volume else [],
            pre_boot_files=[(_CONFIGURATION, "\n".join(lines) + "\n")],
            command=["docker-entrypoint.sh", "redis-server", _CONFIGURATION],
            stdout_callback=log_callback,
        )
        super().__init__(container, _PORT)

    async def answers(self) -> bool:
        """While it reads what it kept, it listens already and answers otherwise."""
        out, _, code = await self._ask(["redis-cli", "ping"], {"REDISCLI_AUTH": self.password})
        return code == 0 and out.strip() == b"PONG"
