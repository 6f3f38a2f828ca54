"""PostgreSQL with its data on a volume."""

from __future__ import annotations

from collections.abc import Callable

from .. import CommandFailed, Node, UsageError, Volume
from ..blocking import verb
from .service import Service
from .service import password as new_password

_DATA = "/var/lib/postgresql/data"
_SECRET = "/run/secrets/postgres-password"
_PORT = 5432


class Postgresql(Service):
    """A database server: ``user`` may do everything, with ``password``, from wherever it can be reached.

    Args:
        node: where it shall run.
        volume: holds its data, which outlive it; one that has a database already is used as it is, with this password.
        password: of letters and digits if not given.
        log_callback: ``(container, bytes)`` for what it logs.
        image: ``postgres`` if not given; any that behaves like the official one.
    """

    user = "postgres"

    def __init__(
        self,
        node: Node,
        volume: Volume,
        *,
        password: str | None = None,
        log_callback: Callable[..., object] | None = None,
        image: str | None = None,
    ) -> None:
        if password is not None and (not password or "\n" in password or "\0" in password):
            raise UsageError("a password is at least one character, and no line or NUL")
        self.volume = volume
        self.password = password or new_password()
        container = node.spawn_container(
            image or "postgres",
            volumes=[(volume, _DATA)],
            pre_boot_files=[(_SECRET, self.password)],
            env={"POSTGRES_PASSWORD_FILE": _SECRET},
            stdout_callback=log_callback,
        )
        super().__init__(container, _PORT)

    @verb
    async def ensure_database(self, name: str) -> bool:
        """Make a database of that name if there is none; whether it was made.

        Raises:
            CommandFailed: the server says no; its words are in the error.
        """
        await self.wait_truly_up.aio()
        script = "SELECT 1 FROM pg_database WHERE datname = :'name';"
        if await self._sql(script, name=name):
            return False
        try:
            await self._sql('CREATE DATABASE :"name";', name=name)
        except CommandFailed as problem:
            if "already exists" not in problem.detail:
                raise
            return False
        return True

    async def answers(self) -> bool:
        """Over TCP: while a new database is made, its server listens to its own container alone."""
        _, _, code = await self._ask(["pg_isready", "-q", "-h", "127.0.0.1"], {})
        return code == 0

    async def prepare(self) -> None:
        """A database that was there has the password of its first start."""
        await self._sql(
            "ALTER USER :\"user\" PASSWORD :'secret';", user=self.user, secret=self.password
        )

    async def _sql(self, script: str, **values: str) -> str:
        """What a script of psql's prints; ``values`` by name, quoted as the script asks for."""
        take = "".join(f'\\set {name} `printf %s "$TFNZ_{name}"`\n' for name in values)
        command = ["psql", "-X", "-A", "-t", "-q", "-U", self.user, "-d", "postgres"]
        env = {f"TFNZ_{name}": value for name, value in values.items()}
        return await self.run([*command, "-v", "ON_ERROR_STOP=1"], take + script, **env)
