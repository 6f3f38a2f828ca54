"""Tables, figures and plots of benchmarks, written to ``artefacts/bench``."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.benchmarks._measuring import OURS, Row, middle, shown

_BEGIN, _END = "<!-- speed: ./run bench speed --readme -->\n", "<!-- /speed -->"
FOLDER = Path(__file__).parents[2] / "artefacts" / "bench"


def write(name: str, title: str, rows: Sequence[Row], failed: dict[str, str]) -> None:
    """A table as Markdown and as JSON, and a plot of our share of the peers' figures."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.md").write_text(markdown(title, rows, failed))
    found = {"machine": machine(), "rows": [as_json(row) for row in rows], "failed": failed}
    (FOLDER / f"{name}.json").write_text(json.dumps(found, indent=1))
    bars(FOLDER / f"{name}.png", title, rows)


def machine() -> str:
    """Date and machine, in a line."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    load = os.getloadavg()[0]
    date = time.strftime("%Y-%m-%d")
    return f"{date}, {os.cpu_count()} cores ({model}), Linux {platform.release()}, load {load:.1f} at the end"


def markdown(title: str, rows: Sequence[Row], failed: dict[str, str]) -> str:
    lines = [
        f"# {title}",
        "",
        machine(),
        "",
        "| | ours | beside | target | |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        others = "; ".join(
            f"{way} {spread(taken)}" for way, taken in row.samples.items() if way != OURS
        )
        goals = "; ".join(map(str, row.targets))
        word = {True: "met", False: "**missed**", None: ""}[row.met]
        ours = f"{spread(row.samples[OURS])} {row.unit}"
        lines.append(f"| {row.what} | {ours} | {others} | {goals} | {word} |")
    lines += [f"| {what} | | | | **failed**: {why} |" for what, why in failed.items()]
    lines += ["", "Medians of samples taken in turns within one run; their quartiles in brackets."]
    notes = dict.fromkeys(row.notes for row in rows if row.notes)
    return "\n".join([*lines, *notes, ""])


def spread(taken: list[float]) -> str:
    """Median, and quartiles where there are enough."""
    if len(taken) < 4:
        return middle(taken)
    low, _, high = statistics.quantiles(taken, n=4)
    return f"{middle(taken)} ({shown(low)} to {shown(high)})"


def as_json(row: Row) -> dict[str, object]:
    medians = {way: statistics.median(taken) for way, taken in row.samples.items() if taken}
    targets = [
        {"words": str(t), "limit": t.limit(row.samples), "met": t.met(row.samples)}
        for t in row.targets
    ]
    return {
        **asdict(row),
        "medians": medians,
        "targets": targets,
        "met": row.met,
        "note": row.notes,
    }


def into_readme(title: str, rows: Sequence[Row]) -> None:
    """Put the medians between the marks in the README, with the date and the machine."""
    file = FOLDER.parents[1] / "README.md"
    before, _, rest = file.read_text().partition(_BEGIN)
    _, _, after = rest.partition(_END)
    lines = ["", "| | ours | beside | target |", "|---|---|---|---|"]
    for row in rows:
        figures = {
            way: f"{middle(taken)} {row.unit if taken else ''}".rstrip()
            for way, taken in row.samples.items()
        }
        ours = figures.pop(OURS)
        beside = ", ".join(f"{way} {figure}" for way, figure in figures.items())
        missed = "" if row.met is not False else " (missed)"
        lines.append(
            f"| {row.what} | {ours} | {beside} | {', '.join(map(str, row.targets))}{missed} |"
        )
    text = "\n".join([*lines, "", f"{title}: {machine()}.", ""])
    file.write_text(f"{before}{_BEGIN}{text}{_END}{after}")


def bars(file: Path, title: str, rows: Sequence[Row]) -> None:
    """How many times better than the peer each row with one is, on a scale of powers."""
    from matplotlib.figure import Figure

    pairs = [(row, target) for row in rows for target in row.targets if row.samples.get(target.of)]
    named = [
        (f"{row.what}\nbeside {target.of}", *_times(row, target.of, target.least), target)
        for row, target in pairs
    ]
    figure = Figure(figsize=(9, 0.5 * len(named) + 1.2), layout="constrained")
    axes = figure.subplots()
    for place, (_name, times, _ours, target) in enumerate(named):
        goal = target.factor if target.least else 1 / target.factor
        axes.barh(place, times, color="#2f6f4f" if times >= goal else "#b3423a", height=0.6)
        axes.plot([goal, goal], [place - 0.4, place + 0.4], color="black", linewidth=1.5)
    axes.set_yticks(range(len(named)), [name for name, *_ in named], fontsize=7)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.axvline(1, color="grey", linewidth=0.8)
    axes.set_xlabel("times better than the peer; the black line is the target")
    axes.set_title(title)
    figure.savefig(file, dpi=120)


def _times(row: Row, peer: str, least: bool) -> tuple[float, float]:
    ours, theirs = (statistics.median(row.samples[way]) for way in (OURS, peer))
    return (ours / theirs if least else theirs / ours), ours


def curves(file: Path, found: dict[str, dict[int, dict[str, float]]]) -> None:
    """One picture of how cost grows: a row of axes for each thing there may be more of."""
    from matplotlib.figure import Figure

    most = max(len(next(iter(points.values()))) for points in found.values())
    figure = Figure(figsize=(3 * most, 2.6 * len(found)), layout="constrained")
    axes = figure.subplots(len(found), most, squeeze=False)
    for row, (name, points) in zip(axes, found.items(), strict=True):
        columns = list(next(iter(points.values())))
        for place, column in zip(row, columns, strict=False):
            figures = [values[column] for values in points.values()]
            place.plot(list(points), figures, "o-")
            place.set_xscale("log")
            place.set_title(column, fontsize=9)
            place.set_xlabel(name, fontsize=8)
            if max(figures) > 100 * min(figures):  # on a straight scale only the last would show
                place.set_yscale("log")
            else:
                place.set_ylim(0, 1.15 * max(figures))
        for place in row[len(columns) :]:
            place.set_axis_off()
    figure.savefig(file, dpi=120)
