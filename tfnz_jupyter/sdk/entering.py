"""SSH servers that lead into a container."""

from __future__ import annotations

from ..blocking import verb
from ..wire import messages as m
from . import asking
from .handle import new_id
from .reaching import Reaching
from .ssh import Keys, SshServer, accepted_keys, key_file
from .worker import Worker

PORT = 2222


class Entering(Reaching):
    """The part of a container that is entered through SSH."""

    @property
    def ssh_servers(self) -> list[SshServer]:
        """Those that are open."""
        return self._open(SshServer)

    @verb
    async def create_ssh_server(
        self, port: int = PORT, *, bind: str | None = None, authorized_keys: Keys | None = None
    ) -> SshServer:
        """Make a port of this machine an SSH and SFTP server for the container, whatever its image.

        ``ssh``, ``sftp``, ``scp``, ``rsync`` (where the image has it) and ``ssh -L`` to the container's own ports work. One
        logs in as root with a key that is kept for this under the configuration folder, with one of ``~/.ssh/*.pub``, or
        with one of ``authorized_keys``: the text of an ``authorized_keys`` file, a path to one, or several of them.
        ``SshServer.command`` is the whole ``ssh`` line.

        Args:
            port: on this machine; a free one where it is 0.
            bind: the address to listen on; 127.0.0.1 where it is not given.

        Raises:
            UsageError: something in ``authorized_keys`` is no key.
            Refused: the port is taken, or needs privileges.
            ContainerEnded: it is over.
        """
        wanted = asking.port(port, "port", least=0)
        own, worker = key_file(), Worker("tfnz-keys")
        keys = await worker.do(lambda: accepted_keys(own, authorized_keys))
        await self._running()
        key = new_id()
        opened = await self._listen(m.OpenSsh(self.uuid, key, keys, wanted, bind or "127.0.0.1"))
        server = SshServer(key, self._whole, opened.address, opened.port, own)
        self._opened(server)
        return server

    @verb
    async def destroy_ssh_server(self, server: SshServer) -> None:
        """Close an SSH server and its connections.

        Raises:
            UsageError: it is not one of this container's, or closed already.
        """
        await self._shut(server)
