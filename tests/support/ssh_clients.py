"""The programs people enter containers with: ssh, sftp, scp and rsync, as this machine has them."""

from __future__ import annotations

import fcntl
import os
import select
import shlex
import struct
import subprocess
import termios
import time
from pathlib import Path

from tfnz_jupyter import SshServer

_PATIENCE = 60


class Clients:
    """What logs in to one server, with a ``known_hosts`` of its own in ``folder`` and nothing of the user's."""

    def __init__(self, server: SshServer, folder: Path, *, key: Path | None = None) -> None:
        self.server = server
        self.address = "root@127.0.0.1"
        self.options = [
            *("-F", "/dev/null", "-i", str(key or server.key)),
            *(f"-oUserKnownHostsFile={folder}/known_hosts", "-oStrictHostKeyChecking=accept-new"),
            *("-oBatchMode=yes", "-oIdentitiesOnly=yes", "-oIdentityAgent=none"),
        ]

    def command(self, *words: str, options: tuple[str, ...] = ()) -> list[str]:
        """A whole ``ssh`` line."""
        port = str(self.server.localport())
        return ["ssh", *self.options, "-p", port, *options, self.address, *words]

    def ssh(self, *words: str, input: bytes = b"", options: tuple[str, ...] = ()) -> Outcome:
        return run(self.command(*words, options=options), input)

    def sftp(self, *lines: str) -> Outcome:
        """Commands of sftp's; the first that fails ends it."""
        port = str(self.server.localport())
        batch = "\n".join(lines).encode()
        return run(["sftp", *self.options, "-P", port, "-b", "-", self.address], batch)

    def scp(self, *words: str) -> Outcome:
        """As on a command line; ``:path`` is one in the container."""
        places = [self.address + word if word.startswith(":") else word for word in words]
        return run(["scp", *self.options, "-P", str(self.server.localport()), *places])

    def rsync(self, *words: str) -> Outcome:
        """As :meth:`scp`."""
        shell = shlex.join(["ssh", *self.options, "-p", str(self.server.localport())])
        places = [self.address + word if word.startswith(":") else word for word in words]
        return run(["rsync", "-e", shell, *places])


class Typed:
    """A program on a terminal of its own, of some size: what a person would see of it, and type."""

    def __init__(self, command: list[str], columns: int, rows: int) -> None:
        self._master, slave = os.openpty()
        self.resize(columns, rows)
        self._seen = b""
        self._process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def shows(self, words: str, within: float = 20) -> None:
        """Wait until it has shown this; what came before it is then past."""
        deadline = time.monotonic() + within
        while words.encode() not in self._seen:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._master], [], [], left)[0]:
                raise AssertionError(f"it showed no {words!r}, but {self._seen!r}")
            self._seen += os.read(self._master, 65536)
        self._seen = self._seen.partition(words.encode())[2]

    def end(self) -> int:
        """Wait for its end; the exit code."""
        try:
            return self._process.wait(20)
        finally:
            self.close()

    def close(self) -> None:
        """Go away, as a terminal that is closed."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if self._master >= 0:
            os.close(self._master)
            self._master = -1


Outcome = tuple[int, bytes, str]


def run(command: list[str], input: bytes = b"") -> Outcome:
    """The exit code, standard output, standard error."""
    done = subprocess.run(command, input=input, capture_output=True, timeout=_PATIENCE, check=False)
    return done.returncode, done.stdout, done.stderr.decode(errors="replace")


def rsync_files() -> list[Path]:
    """This machine's rsync and the libraries it needs: a container that gets them has an rsync."""
    program = Path("/usr/bin/rsync")
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return [program, *(Path(word) for word in listed.split() if word.startswith("/"))]
