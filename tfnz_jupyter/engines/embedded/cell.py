"""A container as the keeper has it, and its processes."""

from __future__ import annotations

from dataclasses import dataclass, field

from . import messages
from .consoles import Terminal
from .launch import Launch, Launcher, Pipes
from .network import Wire


@dataclass(slots=True)
class Process:
    """A live process of a container; the pid is reused by nobody before we reap it."""

    id: str
    pid: int
    session: int  # it was started in; see offspring.py
    pipes: Pipes | Terminal
    tally: int  # see tally.py
    unwanted: bool = False  # somebody asked for its end: nothing it started outlives it


@dataclass(slots=True)
class Cell:
    """One container. ``first`` is its pid namespace's init: with it everything ends."""

    id: str
    folder: str
    launcher: Launcher | None = None  # in its group; waits to be crun of the first process
    spare: Launcher | None = None  # in a branch; waits to be crun of one beside it
    lacks_spare: bool = False  # it had one, or would have needed one
    counted: bool = False  # its processes, by the user's own limit: there is no spare among them
    wire: Wire | None = None
    mounts: list[str] = field(default_factory=list)
    lower: list[str] = field(
        default_factory=list
    )  # of its overlay: folders in the state, highest first
    upper: str = "upper"  # its folder beside which "-work" lies
    owner: int = 0  # host id of its root
    terminal: bool = False  # of its first process
    asleep: bool = False
    sleeper: Launch | None = None  # of a first process that waits to be woken
    waking: int = 0  # seq of a Wake
    waker: int = 0  # pid of the crun that wakes it
    rebooting: messages.Reboot | None = None
    branch: str = ""  # of its first process, where that has one: what waited as a spare became it
    former: str = ""  # that of its former life
    volumes: dict[str, str] = field(default_factory=dict)  # id -> where it is mounted for crun
    ahead: Launch | None = None  # of the first process; waits to proceed
    failure: str | None = None  # why there is none ahead
    crun: str = ""  # what crun knows it by, where that was before anybody knew its id
    first: Process | None = None
    others: dict[str, Process] = field(default_factory=dict)
    launches: set[str] = field(default_factory=set)
    doomed: bool = False  # destroyed while its first process was still being launched
    released: bool = False
    fading: bool = False  # all is gone but the veth
    oom_kills: int = 0
    waiting: list[int] = field(default_factory=list)  # seqs of Destroy

    @property
    def name(self) -> str:
        """What crun knows it by."""
        return self.crun or self.id

    @property
    def poised(self) -> bool:
        """Whether the launcher that waits to be crun is that already."""
        return self.launcher is not None and self.launcher.gate != ""

    @property
    def waiting_launchers(self) -> int:
        """How many processes in its group are not its own."""
        return sum(launcher is not None for launcher in (self.launcher, self.spare))

    def processes(self) -> list[Process]:
        """Those that live."""
        return [*([self.first] if self.first else []), *self.others.values()]

    def process(self, name: str) -> Process | None:
        if self.first is not None and self.first.id == name:
            return self.first
        return self.others.get(name)
