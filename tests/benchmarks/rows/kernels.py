"""Rows 11 to 14: what a kernel alone shows: interrupts, its end, TAB, and the loading of the extension."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from jupyter_client.manager import KernelManager

from tests.support.eventually import eventually
from tests.support.kernel import Kernel, kernel

from . import Row, median, ms, p95

ROUNDS = 5
CONTAINERS = 50
BEGIN = """
import asyncio, time
from tfnz_jupyter import Location
here = Location(); node = here.node()
"""
BOX = "box = node.spawn_container('busybox', name='box', command=['sleep', '100000']).wait_until_ready()"
MARK = "86420"  # seconds: how the processes of row 11 are told from others
#: Ways to wait for a process; the last is what anybody would write.
WAITS = {
    "wait": f"print('begun'); box.run_process(['sleep', '{MARK}'])",
    "await": f"print('begun'); await box.run_process.aio(['sleep', '{MARK}'])",
    "%%tf exec": f"%%tf exec box\necho begun; sleep {MARK}",
}
NAIVE = """
import concurrent.futures
pool = concurrent.futures.ThreadPoolExecutor(1)
print('begun'); await asyncio.wrap_future(pool.submit(time.sleep, 5))
"""


def interrupts() -> Row:
    """Row 11: from the interrupt to the kernel's answer, and to the end of the process in the container."""
    answers: dict[str, list[float]] = {name: [] for name in WAITS}
    gone: list[float] = []
    with kernel() as at:
        at.ok(BEGIN + BOX)
        for _ in range(ROUNDS):
            for name, cell in WAITS.items():
                answered, ended = _interrupted(at, cell)
                answers[name].append(answered)
                gone.append(ended)
        (naive, _) = _interrupted(at, NAIVE)
        at.ok("here.disconnect()")
    worst = max(max(one) for one in answers.values())
    words = ", ".join(f"{name} {ms(median(one))}" for name, one in answers.items())
    return Row(
        11,
        "from an interrupt to the answer; to the end of the process in the container (worst)",
        f"{words}; {ms(median(gone))} ({ms(worst)}, {ms(max(gone))})",
        "<= 150 ms both",
        f"an awaited future: {naive:.1f} s, when it is done",
        worst <= 0.15 and max(gone) <= 0.15,
        {
            **{name: median(one) for name, one in answers.items()},
            "gone": median(gone),
            "worst": max(worst, *gone),
        },
    )


def _interrupted(at: Kernel, cell: str) -> tuple[float, float]:
    begun: list[float] = []

    def interrupt(message: dict[str, object]) -> None:
        if message["msg_type"] == "stream" and not begun:
            if "box" in cell:
                eventually(_sleeps, within=20)
            begun.append(time.monotonic())
            at.manager.interrupt_kernel()

    ran = at.run(cell, meanwhile=interrupt)
    answered = time.monotonic() - begun[0]
    assert ran.status == "error", cell
    eventually(lambda: not _sleeps(), within=20)
    return answered, time.monotonic() - begun[0]


def _sleeps() -> bool:
    """Whether such a process runs on this machine."""
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if process.read_bytes() == f"sleep\0{MARK}\0".encode():
                return True
        except OSError:
            continue
    return False


#: ``atexit`` calls what was registered last first: these two embrace the goodbyes.
_MARKS = """
import atexit, time, pathlib
def mark(name): pathlib.Path({folder!r}, name).write_text(str(time.monotonic()))
atexit.register(mark, 'after')
import tfnz_jupyter.sdk.location
atexit.register(mark, 'before')
"""
_FIFTY = f"""
every = [node.spawn_container('busybox', command=['sleep', '97531']) for n in range({CONTAINERS})]
for one in every: one.wait_until_ready()
"""
_ONE_BY_ONE = (
    "began = time.monotonic()\nfor one in every: one.destroy()\nprint(time.monotonic() - began)"
)


def endings() -> Row:
    """Row 12: fifty containers at the end of their kernel: shut down, restarted, killed; and destroyed one by one."""
    said: list[float] = []
    freed: dict[str, float] = {}
    ways: dict[str, Callable[[KernelManager], object]] = {
        "shut down": lambda manager: manager.shutdown_kernel(),
        "restarted": lambda manager: manager.restart_kernel(),
        "killed": lambda manager: manager.signal_kernel(9),
    }
    for name, way in ways.items():
        with _fifty() as (at, folder):
            began = time.monotonic()
            way(at.manager)
            if name != "killed":
                said.append(_between(folder))
            eventually(lambda: _count() == 0, within=20)
            freed[name] = time.monotonic() - began
    with _fifty() as (at, _):
        one_by_one = float(at.ok(_ONE_BY_ONE).text)
    words = ", ".join(f"{name} {ms(took)}" for name, took in freed.items())
    return Row(
        12,
        f"{CONTAINERS} containers at their kernel's end: goodbyes; until none is left",
        f"{ms(max(said))}; {words}",
        "<= 0.3 s; 0 leaked",
        f"each destroyed in turn: {one_by_one:.1f} s",
        max(said) <= 0.3,
        {"said": max(said), **freed, "one_by_one": one_by_one},
    )


@contextmanager
def _fifty() -> Iterator[tuple[Kernel, Path]]:
    with TemporaryDirectory() as folder, kernel(load=False) as at:
        at.ok(_MARKS.format(folder=folder))
        at.ok("%load_ext tfnz_jupyter" + BEGIN + _FIFTY)
        assert _count() == CONTAINERS
        yield at, Path(folder)


def _between(folder: Path) -> float:
    before, after = (float((folder / name).read_text()) for name in ("before", "after"))
    return after - before


def _count() -> int:
    found = 0
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += process.read_bytes() == b"sleep\x0097531\0"
        except OSError:
            continue
    return found


LINES = (
    "%tf ",
    "%tf sp",
    "%tf spawn --",
    "%tf spawn --na",
    "%tf spawn bus",
    "%tf logs ",
    "%tf logs b",
    "x = %tf logs b",
    "%tf exec bo",
    "%%tf ",
    "%%tf sp",
    "%%tf exec b",
    "%tf volume ",
    "%tf image p",
    "%tf tunnel b",
    "%tf reboot --",
    "%tf connect ",
    "%tf help ",
    "%tf put box /etc/pas",
    "%tf get box /etc/h",
)


def completions() -> Row:
    """Row 13: TAB at the end of many lines; the first of all is the cold one. IPython's own beside it, in another kernel."""
    with kernel() as at:
        at.ok(BEGIN + BOX)
        cold = _tab(at, LINES[0])
        ours = [_tab(at, line) for _ in range(ROUNDS) for line in LINES]
        at.ok("here.disconnect()")
    with kernel(load=False) as at:
        first = _tab(at, "%lo")
        theirs = [
            _tab(at, line) for _ in range(ROUNDS) for line in ("%lo", "pri", "import jso", "asyn")
        ]
    return Row(
        13,
        "completion: 95th percentile; the first of all",
        f"{ms(p95(ours))}; {ms(cold)}",
        "<= 20 ms, cold included",
        f"IPython's own: {ms(p95(theirs))}; {ms(first)}",
        max(p95([cold, *ours]), cold) <= 0.02,
        {"p95": p95(ours), "cold": cold, "ipython": p95(theirs), "ipython_cold": first},
    )


def _tab(at: Kernel, line: str) -> float:
    start = time.perf_counter()
    at.complete(line)
    return time.perf_counter() - start


_TIMED = "import time\nbegan = time.perf_counter()\n{code}\nprint(time.perf_counter() - began)"


def loading() -> Row:
    """Row 14: in fresh kernels, in turns."""
    codes = {"extension": "%load_ext tfnz_jupyter", "anywidget": "import anywidget"}
    took: dict[str, list[float]] = {name: [] for name in codes}
    for _ in range(ROUNDS):
        for name, code in codes.items():
            with kernel(load=False) as at:
                took[name].append(float(at.ok(_TIMED.format(code=code)).text))
    ours, anchor = median(took["extension"]), median(took["anywidget"])
    return Row(
        14,
        "%load_ext in a fresh kernel",
        ms(ours),
        "<= 0.3 s",
        f"import anywidget: {ms(anchor)}",
        ours <= 0.3,
        {"extension": ours, "anywidget": anchor},
    )
