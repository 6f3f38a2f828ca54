"""Row 10: a ranking of many nodes, live, beside the same table made of ipywidgets."""

from __future__ import annotations

from tests.support.lab import Lab

from . import Row, ms, p95
from .desk import desk

SECONDS = 10.0
FEW, MANY = 5, 200
WIDGETS = 50  # nodes of the other table: at twice as many a notebook server drops messages

#: Has the session hear, twice a second, of so many nodes whose statistics change, instead of its own.
_NODES = """
import random
from tfnz_jupyter.blocking import loop
from tfnz_jupyter.wire import messages as m
chance, count, heard = random.Random(1), {count}, here.heard
def state(n):
    used = chance.randrange(4000)
    return m.NodeState(f"{{n:026}}", f"node-{{n}}", cpu=4000 - used, cpu_total=4000, memory=chance.randrange(8192),
        memory_total=8192, paging=0, containers=used // 100, score=4000 - used)
def tick():
    heard(m.NodesChanged([state(n) for n in range(count)]))
    loop().call_later(0.5, tick)
here.heard = lambda message: None if isinstance(message, m.NodesChanged) else heard(message)
loop().call_soon_threadsafe(tick)
"""
_WIDGETS = f"""
import ipywidgets, random
def row(n):
    bars = [ipywidgets.FloatProgress(max=1) for _ in range(2)]
    return [ipywidgets.Label(f'node-{{n}}'), ipywidgets.Label(), *bars]
rows = [row(n) for n in range({WIDGETS})]
display(ipywidgets.VBox([ipywidgets.HBox(one) for one in rows]))
def go():
    while True:
        for name, score, cpu, memory in rows:
            cpu.value, memory.value = random.random(), random.random()
            score.value = f'{{cpu.value + memory.value:.3f}}'
        time.sleep(0.5)
threading.Thread(target=go, daemon=True).start()
"""


def ranking(lab: Lab) -> Row:
    """Messages a second with few nodes and with many; frames with many."""
    few, _ = _watched(lab, _NODES.format(count=FEW) + "get_ipython().run_line_magic('tf', 'nodes')")
    many, frames = _watched(
        lab, _NODES.format(count=MANY) + "get_ipython().run_line_magic('tf', 'nodes')"
    )
    theirs, their_frames = _watched(lab, _WIDGETS)
    return Row(
        10,
        f"ranking of {FEW} and of {MANY} nodes, twice a second: messages a second; frames of {MANY}",
        f"{few:.1f}, {many:.1f}; {ms(p95(frames))}",
        "the same; <= 25 ms",
        f"ipywidgets with {WIDGETS} nodes: {theirs:.0f}; {ms(p95(their_frames))}",
        many <= few + 1 and p95(frames) <= 0.025,
        {"few": few, "many": many, "frames": p95(frames), "widgets": theirs},
    )


def _watched(lab: Lab, cell: str) -> tuple[float, list[float]]:
    with desk(lab, "# shown\n" + cell) as at:
        at.run("# shown")
        heard, frames = at.watch(SECONDS)
        return heard.rate, frames
