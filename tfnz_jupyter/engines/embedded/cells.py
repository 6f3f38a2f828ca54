"""How cells are made and taken down again: their mounts, their wires, their cgroups, their launchers.

Everything is mounted below one tmpfs that only the keeper's mount namespace has. Its folders can be entered by the
containers' user namespace, while the state folder behind the overlays stays 0700.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from pathlib import Path

from ..places import COVERED
from . import messages, offspring, pool, renewal
from .bundle import PROVIDED
from .cell import Cell, Process
from .cgroups import Cgroups, Quota
from .launch import Launch, Launcher, Runtime
from .network import Network
from .policy import Policy
from .syscalls import MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RDONLY, bind, mount, umount
from .userns import whole

#: The branch, and the name, of a launcher that waits to be a process beside the first.
_SPARE = "spare"
#: Below every image: what the runtime mounts things on. Else it would make it, and that would count as written.
_FURNITURE = "furniture"
_HALLS = ("/mnt", "/media", "/srv", "/dev/shm")
_SYSFS = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC


class Hall:
    """The tmpfs everything is mounted below, and how cells are made in it and taken down again."""

    def __init__(
        self, state: Path, tag: str, cgroups: Cgroups, network: Network, policy: Policy
    ) -> None:
        self._state = os.open(state, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self._base = self._state  # what containers write and volumes lie below
        self._no_pool = "it has not been made"
        self._tag = tag
        self._cgroups = cgroups
        self._network = network
        self._policy = policy
        self._marks = "" if whole() else ",userxattr"  # only the machine's root has trusted ones
        self._place = next(path for path in _HALLS if os.path.isdir(path))
        mount(f"tfnz-{tag}", self._place, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0711,size=1g")
        notes, gates = f"{self._place}/crun", f"{self._place}/gates"
        for folder in (notes, gates):
            os.mkdir(folder, 0o700)
        self._runtime = Runtime(notes, gates)
        self._waiting: dict[int, Cell] = {}  # pid of a launcher that is not crun yet
        if pool.image(state).exists():
            self._attach_pool(state)

    def _attach_pool(self, state: Path) -> None:
        try:
            pool.attach(state, f"{self._place}/pool")
        except OSError as error:
            self._no_pool = str(error)
        else:
            self._base = os.open(f"{self._place}/pool", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)

    def pool(self) -> int:
        """A descriptor of the pool's top. Raises ``OSError`` with the reason why there is none."""
        if self._base == self._state:
            raise OSError(self._no_pool)
        return os.open(f"{self._place}/pool", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def place(self, name: str) -> str:
        """The folder of a cell."""
        return f"{self._place}/{name}"

    def make(self, cell: Cell, *, early: bool = False, poised: bool = False) -> None:
        """What every cell has. Where a step fails, what was done stays for :meth:`release`, as in all that follows.

        Args:
            early: before anybody asks, and so under another name; a group that cannot change it is made later.
            poised: its launcher is crun already.
        """
        for name in ("", "/root", "/sys", "/folder"):
            os.mkdir(cell.folder + name, 0o711)
        if self._cgroups.renames or not early:
            self.equip(cell, poised=poised)  # the launcher joins its group while we go on
        cell.wire = self._network.wire(lambda: self._sysfs(cell))

    def equip(self, cell: Cell, *, poised: bool = False) -> None:
        """Have a launcher wait for a first process to come, in the cell's group."""
        if cell.launcher is not None and not cell.launcher.lives:
            cell.launcher.forget()
            cell.launcher = None
        if cell.launcher is None:
            self._cgroups.create(cell.id)
            cell.launcher = self._launcher(cell, self._cgroups.doors(cell.id), poised=poised)

    def equip_again(self, cell: Cell) -> None:
        """The same for one that begins again: the launcher that waits for a process beside the first will do.

        It has joined already, and its branch counts for the container like the group itself.
        """
        cell.former, cell.branch = cell.branch, ""
        if cell.launcher is None and cell.spare is not None and cell.spare.lives:
            cell.branch = f"first-{cell.spare.pid}"
            self._cgroups.rename(f"{cell.id}/{_SPARE}", f"{cell.id}/{cell.branch}")
            cell.launcher, cell.spare, cell.lacks_spare = cell.spare, None, True
        self.equip(cell)

    def add_spare(self, cell: Cell) -> None:
        """Have one wait for the next process beside the first, where its branch can get that one's name."""
        cell.lacks_spare = False
        if self._cgroups.renames:
            cell.spare = self._launcher(cell, self._cgroups.branch(cell.id, _SPARE))

    def _launcher(self, cell: Cell, groups: list[str], *, poised: bool = False) -> Launcher:
        make = self._runtime.poised if poised else self._runtime.launcher
        launcher = make(groups, cell.owner)
        self._waiting[launcher.pid] = cell
        return launcher

    def lost(self, pid: int) -> Cell | None:
        """The cell of a launcher that has ended before it was crun, which is seen to; None where it was none."""
        cell = self._waiting.pop(pid, None)
        if cell is not None and cell.launcher is not None and cell.launcher.pid == pid:
            cell.launcher.forget()
            cell.launcher = None
        elif cell is not None and cell.spare is not None and cell.spare.pid == pid:
            cell.spare.forget()
            cell.spare = None
        return cell

    def rename(self, cell: Cell, name: str) -> None:
        """Give a cell that was made before anybody asked the name of the container it will be."""
        os.rename(cell.folder, self.place(name))
        self._cgroups.rename(cell.id, name)
        cell.mounts = [self.place(name) + path.removeprefix(cell.folder) for path in cell.mounts]
        cell.id, cell.folder = name, self.place(name)

    def prepare(self, cell: Cell, ask: messages.Prepare) -> tuple[messages.Prepared, list[int]]:
        """Make a cell ready to start in."""
        cell.counted = ask.counted
        dismissed = [self._dismiss_spare(cell)] if cell.counted else []
        if ask.terminal or ask.asleep or ask.large:
            dismissed.append(self._dismiss_poised(cell))
        self.equip(cell)
        self._cgroups.limit(cell.id, Quota(ask.memory, ask.cpus, ask.pids))
        cell.owner, cell.terminal, cell.asleep = ask.owner, ask.terminal, ask.asleep
        cell.ahead = self._launch(cell)
        cell.lower = [f"layers/{name}" for name in reversed(ask.layers)]
        cell.upper = "files" if ask.furnished else "upper"
        self._overlay(cell)
        for volume in ask.volumes:
            self._stage(cell, volume)
        assert cell.wire is not None
        self._policy.admit(cell.wire.ip, ask.egress)
        for pid in filter(None, dismissed):
            os.waitpid(pid, 0)  # it is counted until then
            del self._waiting[pid]
        return self._prepared(cell, ask.seq)

    def _dismiss_spare(self, cell: Cell) -> int:
        """The pid of what is to be reaped, 0 where there is nothing."""
        spare, cell.spare = cell.spare, None
        if spare is None:
            return 0
        spare.dismiss()
        return spare.pid

    def _dismiss_poised(self, cell: Cell) -> int:
        """The same for a launcher that is crun already, and would do something else than is asked for."""
        launcher = cell.launcher
        if launcher is None or not cell.poised:
            return 0
        cell.launcher = None
        launcher.dismiss()
        return launcher.pid

    def _prepared(self, cell: Cell, seq: int) -> tuple[messages.Prepared, list[int]]:
        assert cell.wire is not None
        answer = messages.Prepared(
            seq,
            str(cell.wire.ip),
            f"{cell.folder}/root",
            f"/proc/1/fd/{cell.wire.netns}",
            f"{cell.folder}/sys",
            f"{cell.folder}/folder",
            list(cell.volumes.values()),
        )
        return answer, self._handles(cell)

    def _handles(self, cell: Cell) -> list[int]:
        folders = os.O_DIRECTORY | os.O_CLOEXEC
        root = os.open(f"{cell.folder}/root", os.O_PATH | folders)
        return [root, os.open(f"{cell.folder}/folder", os.O_RDONLY | folders)]

    def seal(self, cell: Cell, seq: int) -> tuple[messages.Prepared, list[int]]:
        """Put what was written until now below what will be written from now on."""
        self._take_down(cell)
        cell.lower.insert(0, f"containers/{cell.id}/{cell.upper}")
        cell.upper = "upper"
        self._overlay(cell)
        return self._prepared(cell, seq)

    def renew(self, cell: Cell, ask: messages.Reboot) -> tuple[messages.Prepared, list[int]]:
        """Make a cell whose processes have ended ready to start in again."""
        self._runtime.forget(cell.name)
        cell.asleep, cell.sleeper = ask.asleep, None
        if cell.former:
            self._cgroups.remove_branch(cell.id, cell.former)
        self.equip(cell)
        cell.ahead = self._launch(cell)
        if ask.reset:
            self._take_down(cell)
            self._forget_changes(cell, ask.seq)
            self._overlay(cell)
        return self._prepared(cell, ask.seq)

    def _take_down(self, cell: Cell) -> None:
        umount(f"{cell.folder}/root")
        cell.mounts.remove(f"{cell.folder}/root")

    def _forget_changes(self, cell: Cell, number: int) -> None:
        """Put aside what a container wrote, for the location to remove: it may be much."""
        for name in (cell.upper, f"{cell.upper}-work"):
            path, aside = (f"containers/{cell.id}/{way}" for way in (name, f"old-{number}-{name}"))
            os.rename(path, aside, src_dir_fd=self._base, dst_dir_fd=self._base)
            os.mkdir(path, 0o755, dir_fd=self._base)
        upper = f"containers/{cell.id}/{cell.upper}"
        os.chown(upper, cell.owner, cell.owner, dir_fd=self._base)

    def _overlay(self, cell: Cell) -> None:
        """Folders by descriptor: the kernel takes one page of options, and paths are long."""
        target = f"{cell.folder}/root"
        with contextlib.ExitStack() as opened:
            layers = dict.fromkeys(
                cell.lower
            )  # an image may have one twice; the kernel wants it once
            lower = [*(self._open(opened, path) for path in layers), self._furniture(cell.owner)]
            upper = self._open(opened, f"containers/{cell.id}/{cell.upper}")
            work = self._open(opened, f"containers/{cell.id}/{cell.upper}-work")
            options = f"lowerdir={':'.join(lower)},upperdir={upper},workdir={work}{self._marks}"
            try:
                # What a container writes ends with it: no fsync, and no flush when the overlay is taken down.
                mount(f"tfnz-{self._tag}", target, "overlay", MS_NODEV, options + ",volatile")
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise
                mount(f"tfnz-{self._tag}", target, "overlay", MS_NODEV, options)
        cell.mounts.append(target)

    def _furniture(self, owner: int) -> str:
        """A folder with what the runtime mounts things on, made on first use."""
        place = f"{self._place}/{_FURNITURE}"
        if not os.path.isdir(place):
            for path in ("", "/etc", *COVERED):
                os.mkdir(place + path, 0o755)
                os.chown(place + path, owner, owner)
            for path in PROVIDED:
                os.close(os.open(place + path, os.O_CREAT | os.O_WRONLY, 0o644))
                os.chown(place + path, owner, owner)
        return place

    def _stage(self, cell: Cell, volume: str) -> None:
        """Mount a volume where crun finds it, and where the containers' user namespace may look for it."""
        target = f"{cell.folder}/volume-{len(cell.volumes)}"
        os.mkdir(target, 0o711)
        self._bind(volume, target)
        cell.volumes[volume] = target
        cell.mounts.append(target)

    def _bind(self, volume: str, target: str) -> None:
        with contextlib.ExitStack() as opened:
            source = self._open(opened, f"volumes/{volume}")
            bind(source, target, MS_NOSUID | MS_NODEV)

    def remount(self, cell: Cell, volume: str, place: str) -> None:
        """Let a container that has a volume see the folder that is it by now."""
        target = cell.volumes[volume]
        former = renewal.identity(os.stat(target))
        umount(target)
        self._bind(volume, target)
        if cell.first is not None:
            renewal.show(cell.first.pid, target, place, former)

    def _open(self, opened: contextlib.ExitStack, path: str) -> str:
        flags = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
        base = self._state if path.startswith("layers/") else self._base
        fd = os.open(path, flags, dir_fd=base)
        opened.callback(os.close, fd)
        return f"/proc/self/fd/{fd}"

    def kept(self, cell: Cell, seq: int) -> tuple[messages.KeptCell, list[int]]:
        """What a new location needs of a cell."""
        assert cell.wire is not None
        return messages.KeptCell(seq, cell.id, str(cell.wire.ip), cell.asleep), self._handles(cell)

    def _sysfs(self, cell: Cell) -> None:
        """A sysfs made in the container's network namespace shows its links, and has no cgroups mounted in it."""
        mount(f"tfnz-{self._tag}", f"{cell.folder}/sys", "sysfs", _SYSFS)
        cell.mounts.append(f"{cell.folder}/sys")

    def _launch(self, cell: Cell) -> Launch:
        launcher, cell.launcher = cell.launcher, None
        assert launcher is not None
        cell.crun = launcher.name
        verb = ["create"] if cell.asleep else ["run", "--detach"]
        command = [*verb, f"--bundle={cell.folder}/folder", cell.name]
        return self._named(
            cell, launcher, cell.id, command, terminal=cell.terminal, sleeper=cell.asleep
        )

    def _named(
        self, cell: Cell, launcher: Launcher, name: str, command: list[str],
        *, terminal: bool, sleeper: bool = False,
    ) -> Launch:  # fmt: skip
        launch = self._runtime.launch(
            launcher, cell.id, name, cell.folder, command, terminal=terminal, sleeper=sleeper
        )
        del self._waiting[launcher.pid]
        cell.launches.add(name)
        return launch

    def execute(self, cell: Cell, ask: messages.Execute) -> Launch:
        """A launch of one more process, in a cgroup of its own: what it starts is found there, wherever it hides."""
        command = ["exec", "--detach", f"--process={cell.folder}/folder/{messages.END}{ask.id}"]
        launcher = self._beside(cell, ask.id)
        return self._named(cell, launcher, ask.id, [*command, cell.name], terminal=ask.terminal)

    def _beside(self, cell: Cell, process: str) -> Launcher:
        """The spare launcher, its branch under the name of the process; or one that is just begun."""
        spare, cell.spare = cell.spare, None
        cell.lacks_spare = not cell.counted
        if spare is not None and not spare.lives:
            spare.forget()
            spare = None
        if spare is None:
            return self._launcher(cell, self._cgroups.branch(cell.id, process))
        self._cgroups.remove_branch(cell.id, process)  # it may be the second try
        self._cgroups.rename(f"{cell.id}/{_SPARE}", f"{cell.id}/{process}")
        return spare

    def wake(self, cell: Cell) -> int:
        """Have a sleeper run its command; the pid of the crun that tells it to."""
        return self._runtime.wake(cell.name, f"{cell.folder}/wake.log")

    def offspring(self, cell: Cell, process: Process) -> list[int]:
        """The pids of a process beside the first and of all it started that still live."""
        if self._cgroups.controllers:
            return self._cgroups.members(cell.id, process.id)
        return offspring.find(process.pid, process.session)

    def doomed(self, cell: Cell, process: Process) -> list[int]:
        """The same, to be killed; where it takes that to find them all, they are stopped already."""
        if self._cgroups.controllers:
            return self._cgroups.members(cell.id, process.id)
        return offspring.hold(process.pid, process.session)

    def ended(self, cell: Cell, process: str) -> None:
        """A process beside the first is over, or did not start; what it left behind, if anything, lives on."""
        self._cgroups.remove_branch(cell.id, process)

    def launched(self, cell: Cell, launch: Launch) -> None:
        """Tidy up after a crun that is over, however it went."""
        cell.launches.discard(launch.id)
        if launch.console is not None:
            launch.console.close()
        for path in (
            launch.pid_file,
            launch.log,
            launch.gate,
            f"{cell.folder}/folder/{messages.END}{launch.id}",
        ):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)

    def out_of_memory(self, cell: Cell) -> bool:
        """Whether the kernel killed something here for want of memory since last asked."""
        seen, cell.oom_kills = cell.oom_kills, self._cgroups.oom_kills(cell.id)
        return cell.oom_kills > seen

    def release(self, cell: Cell) -> None:
        """Let go of everything that can go at once. Cgroup and veth follow: see :meth:`emptied`, :meth:`wired`."""
        cell.released = True
        for launcher in (cell.launcher, cell.spare):
            if launcher is not None:
                launcher.dismiss()
        cell.launcher = cell.spare = None
        for target in cell.mounts:
            umount(target)
        cell.mounts.clear()
        if cell.wire is not None:
            self._policy.forget(cell.wire.ip)
            self._network.cut(cell.wire)
        self._runtime.forget(cell.name)
        shutil.rmtree(cell.folder, ignore_errors=True)

    def emptied(self, cell: Cell) -> bool:
        """Whether a released cell's cgroup is gone; false while its last process is just going."""
        return self._cgroups.remove(cell.id)

    def sever(self, cell: Cell) -> None:
        """Take the veth of a released cell away, if it is still there."""
        if cell.wire is not None and self.wired(cell):
            self._network.sever(cell.wire)

    def wired(self, cell: Cell) -> bool:
        """Whether a released cell's veth is still there: the kernel takes namespaces down in the background."""
        return cell.wire is not None and self._network.has_link(cell.wire)
