"""Starting crun so that nothing of it stays: it execs from a shell that first joined the cgroups, sets the container up,
and is gone once the command runs, leaving the process to the keeper.

When has the command been executed? The launcher holds the write end of a pipe that crun marks close-on-exec in the
container's first process: the keeper sees the end of that pipe at the very moment of the exec (or of a death before it),
neither sooner nor by polling.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
from collections.abc import Sequence
from dataclasses import dataclass

from .consoles import Console, Terminal

CRUN = "/usr/bin/crun"
_SHELL = "/bin/sh"
# Arguments: descriptors of the cgroup.procs files to join (their groups may be renamed meanwhile), then "--" and crun.
# Joining may take 10 ms (the kernel waits for all processors once): whoever can, has a launcher wait before anybody asks.
_JOIN = """\
while [ "$1" != -- ]; do echo $$ >&"$1" || exit 125; eval "exec $1>&-"; shift; done
shift
"""
# It goes on at a line on descriptor 4, crun's own arguments (none has a space in it), and leaves quietly if that ends without
# one.
_SCRIPT = f"""\
{_JOIN}read -r words <&4 || exit 0
exec 4<&-
set -f
exec "$@" $words
"""
# crun's arguments are behind it already.
_AT_ONCE = f'''{_JOIN}exec "$@"'''
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
_LONGEST_ERROR = 4096
_STDOUT = 256 * 1024  # bytes that it holds


@dataclass(slots=True)
class Pipes:
    """The keeper's copies of a process's pipes: held so that the process does not notice a location's death."""

    stdin: int
    stdout: int
    stderr: int

    def all(self) -> list[int]:
        return [self.stdin, self.stdout, self.stderr]

    def outputs(self) -> list[int]:
        return [self.stdout, self.stderr]

    def close_input(self) -> None:
        if self.stdin >= 0:
            os.close(self.stdin)
            self.stdin = -1

    def close(self) -> None:
        self.close_input()
        for fd in (self.stdout, self.stderr):
            os.close(fd)


@dataclass(slots=True)
class Launcher:
    """A shell that has joined cgroups, or is about to, and waits to become crun; or, with a ``gate``, crun itself."""

    pid: int
    executed: int  # read end
    pipes: Pipes
    go: int  # write end
    gate: str = ""  # see Runtime.poised
    name: str = ""  # of the container, to a crun that was told already

    @property
    def lives(self) -> bool:
        """Nobody kills it but for want of memory; whoever did was perhaps quicker than the news."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def dismiss(self) -> None:
        """End it and let go of it; it is reaped later."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self.forget()

    def forget(self) -> None:
        """Let go of one that will never be crun."""
        self.pipes.close()
        os.close(self.executed)
        os.close(self.go)
        if self.gate:
            os.unlink(self.gate)


@dataclass(slots=True)
class Launch:
    """A crun on its way, or a launcher that will be this one: :meth:`proceed` or :meth:`cancel` it.

    It is over when ``executed`` has ended and ``status`` is known; that of a sleeper, whose command waits, when crun has ended.
    """

    container: str
    id: str
    crun: int  # pid
    executed: int  # read end
    pipes: Pipes | Terminal
    pid_file: str
    log: str
    go: int  # write end
    words: str  # crun's arguments
    gate: str = ""  # see Runtime.poised
    config: str = ""  # what goes through it
    console: Console | None = None  # brings the terminal that takes the place of the pipes
    sleeper: bool = False
    seq: int = 0  # of the request to answer; 0 while there is none
    status: int | None = None
    started: bool = False

    @property
    def over(self) -> bool:
        return (self.started or self.sleeper) and self.status is not None

    def proceed(self, seq: int, user: int) -> None:
        """Become crun, and the answer to a request; a terminal will belong to the user of that host id."""
        self.seq = seq
        if self.console is not None:
            self.console.user = user
        try:
            os.write(self.go, self._config() if self.gate else f"{self.words}\n".encode())
        except BrokenPipeError:
            pass  # it has failed, and says so
        except OSError:
            self.cancel()
            raise
        os.close(self.go)
        self.go = -1

    def _config(self) -> bytes:
        """What goes through the gate. It takes the gate's place as well: crun opens that again for a copy of its own."""
        os.link(self.config, f"{self.gate}-open")
        os.rename(f"{self.gate}-open", self.gate)
        with open(self.config, "rb") as config:
            return config.read()

    def cancel(self) -> None:
        """Leave, if it was not told to proceed. Idempotent."""
        if self.go >= 0:
            os.close(self.go)
            self.go = -1
            if self.gate and self.status is None:
                os.kill(self.crun, signal.SIGKILL)

    def pid(self) -> int | None:
        """The process crun left behind, or None where it failed or was never told to proceed."""
        if self.status != 0 or not os.path.exists(self.pid_file):
            return None
        with open(self.pid_file) as file:
            pid = int(file.read())
        return pid if self._take_terminal() else None

    def _take_terminal(self) -> bool:
        if self.console is None:
            return True
        self.console.take()
        terminal = self.console.terminal()
        if terminal is None:
            return False
        self.pipes.close()
        self.pipes = terminal
        return True

    def error(self) -> str:
        """crun's own words; those of the launcher where crun never came to speak."""
        with contextlib.suppress(OSError), open(self.log, errors="replace") as file:
            text = file.read(_LONGEST_ERROR).strip()
            if text:
                return text.splitlines()[-1]
        assert isinstance(self.pipes, Pipes)
        os.set_blocking(self.pipes.stderr, False)
        with contextlib.suppress(BlockingIOError):
            return os.read(self.pipes.stderr, _LONGEST_ERROR).decode(errors="replace").strip()
        return f"crun ended with status {self.status}"


class Runtime:
    """crun, ready to be started over and over.

    Args:
        root: folder for its notes on live containers.
        gates: folder for what those wait at that are crun before they know what to run.
    """

    def __init__(self, root: str, gates: str) -> None:
        self._root, self._gates = root, gates
        self._crun = _sealed_crun()

    def launch(
        self, launcher: Launcher, container: str, name: str, folder: str, command: Sequence[str],
        *, terminal: bool = False, sleeper: bool = False,
    ) -> Launch:  # fmt: skip
        """What a launcher will be: crun with ``command``, a verb and its arguments; with a gate it is that already."""
        stem = launcher.gate or f"{folder}/{name}"
        console = Console(f"{stem}.tty") if terminal else None
        words = self._words(stem, command, console)
        return Launch(
            container, name, launcher.pid, launcher.executed, launcher.pipes, f"{stem}.pid",
            f"{stem}.log", launcher.go, " ".join(words), launcher.gate,
            f"{folder}/folder/config.json", console, sleeper,
        )  # fmt: skip

    def _words(
        self, stem: str, command: Sequence[str], console: Console | None = None
    ) -> list[str]:
        """crun's arguments."""
        verb, *arguments = command
        words = [f"--root={self._root}", "--cgroup-manager=disabled", f"--log={stem}.log", verb]
        if console is not None:
            words.append(f"--console-socket={console.path}")
        return [*words, f"--pid-file={stem}.pid", *arguments]

    def launcher(self, doors: Sequence[str], owner: int) -> Launcher:
        """One that writes its pid to those files, with pipes that belong to ``owner``."""
        go_end, go = os.pipe()
        return self._spawn(doors, owner, go, [go_end], _SCRIPT, [])

    def poised(self, doors: Sequence[str], owner: int) -> Launcher:
        """One that goes on to be crun, for a first process without a terminal, and waits in there for its ``config.json``.

        A burst has no time for what that takes: a fifth of crun's work is to load itself. The file comes through the gate,
        a pipe with a name. It has no descriptor that a container's working directory could lead through.
        """
        name = os.urandom(13).hex()  # crun joins a keyring of that name: nobody else may have it
        gate = f"{self._gates}/{name}"
        command = ["run", "--detach", f"--bundle={self._gates}", f"--config={gate}", name]
        os.mkfifo(gate, 0o600)
        go = os.open(gate, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)  # whether or not it is read
        try:
            launcher = self._spawn(doors, owner, go, [], _AT_ONCE, self._words(gate, command))
        except BaseException:
            os.unlink(gate)
            raise
        launcher.gate, launcher.name = gate, name
        return launcher

    def _spawn(
        self, doors: Sequence[str], owner: int, go: int, waits_for: list[int], script: str,
        words: list[str],
    ) -> Launcher:  # fmt: skip
        ours, theirs = pipes(owner)
        executed, executed_end = os.pipe()
        given = [*theirs, executed_end, *waits_for]
        numbers = [str(number) for number, _door in enumerate(doors, len(given))]
        try:
            # opened last: they are then above all numbers that are given out, and not covered before they are
            given.extend(os.open(door, os.O_WRONLY | os.O_CLOEXEC) for door in doors)
            pid = os.posix_spawn(
                _SHELL,
                ["sh", "-c", script, "sh", *numbers, "--", self._crun, *words],
                _ENVIRONMENT,
                file_actions=[(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate(given)],
                setsid=True,
                setsigmask=[],
                setsigdef=[signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGXFSZ],
            )
        except BaseException:
            ours.close()
            os.close(executed)
            os.close(go)
            raise
        finally:
            for fd in given:
                os.close(fd)
        return Launcher(pid, executed, ours, go)

    def wake(self, container: str, log: str) -> int:
        """A crun that tells the sleeping first process of a container to run its command; its pid."""
        options = [f"--root={self._root}", "--cgroup-manager=disabled", f"--log={log}"]
        return os.posix_spawn(
            self._crun, ["crun", *options, "start", container], _ENVIRONMENT, setsid=True,
            setsigmask=[], setsigdef=[signal.SIGPIPE, signal.SIGINT, signal.SIGTERM],
        )  # fmt: skip

    def forget(self, container: str) -> None:
        """Remove its notes on a container that has ended; asking crun to would start it once more."""
        shutil.rmtree(f"{self._root}/{container}", ignore_errors=True)


def _sealed_crun() -> str:
    """A path of a copy of crun that nobody can write, this process included.

    A container that got hold of a running crun could overwrite it (CVE-2019-5736), so crun bind-mounts itself read-only
    and executes itself again, at every start. From a sealed memfd it sees that there is no need.
    """
    fd = os.memfd_create("crun", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with open(CRUN, "rb") as program, open(fd, "wb", closefd=False) as copy:
        shutil.copyfileobj(program, copy)
    seals = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
    return f"/proc/{os.getpid()}/fd/{fd}"


def pipes(owner: int) -> tuple[Pipes, tuple[int, int, int]]:
    """Our ends and the process's. Pipes belong to its user: whoever opens /dev/stdout anew needs that.

    That of standard output is large, where the kernel lets us: who prints much is then read in few large pieces.
    """
    stdin, stdin_end = os.pipe()
    stdout_end, stdout = os.pipe()
    stderr_end, stderr = os.pipe()
    with contextlib.suppress(PermissionError):
        fcntl.fcntl(stdout, fcntl.F_SETPIPE_SZ, _STDOUT)
    for fd in (stdin, stdout, stderr):
        os.fchown(fd, owner, owner)
    return Pipes(stdin_end, stdout_end, stderr_end), (stdin, stdout, stderr)
