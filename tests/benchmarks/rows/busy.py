"""Row 8: a key and a button while a cell computes, on each release of ipykernel that treats them differently.

From 7.0 on, Jupyter's subshells take them in meanwhile; before, they wait for the cell, and the page says so.
"""

from __future__ import annotations

from tests.support.lab import Lab

from . import Row, median, ms
from .desk import Desk, desk
from .releases import INSTALLED, kernel_of
from .terminals import BOX, SHELL, echoes, opened

RELEASES = (INSTALLED, "7.3.0", "6.31.0")
COMPUTES = 25  # seconds
CELL = f"busy = time.monotonic() + {COMPUTES}\nwhile time.monotonic() < busy: pass"
CARD = "box  # its card"
BUTTON = """
import ipywidgets
button = ipywidgets.Button(description="before")
button.on_click(lambda _: setattr(button, "description", "after"))
button
"""
#: From a click on ipywidgets' button to what it does; as a promise, which is looked at later.
_THEIRS = """() => {
    const button = [...document.querySelectorAll("button")].find((one) => one.textContent === "before");
    const start = performance.now();
    window.tfnzTheirs = new Promise((done) => new MutationObserver(() => done((performance.now() - start) / 1000))
        .observe(button, { childList: true, characterData: true, subtree: true }));
    button.click();
}"""
_ENDS = "() => { window.tfnzBusy = true; window.tfnzRan.then(() => { window.tfnzBusy = false; }); }"
_WAITS = (
    "document.querySelector('.tf-terminal [role=status]').textContent.includes('a cell is running')"
)


def busy(lab: Lab) -> list[Row]:
    """On each of these releases."""
    return [_on(lab, release) for release in RELEASES]


def busy_here(lab: Lab) -> Row:
    """On the release that is installed."""
    return _on(lab, INSTALLED)


def _on(lab: Lab, release: str) -> Row:
    kernel = kernel_of(lab, release)
    with desk(lab, BOX, SHELL, CARD, BUTTON, CELL, kernel=kernel) as at:
        at.second.run(f"import ipykernel; assert ipykernel.__version__ == {release!r}")
        opened(at)
        at.run("# its card", "import ipywidgets")
        idle = echoes(at)
        at.notebook.start("busy =")
        at.page.evaluate(_ENDS)
        at.page.evaluate(_THEIRS)
        measure = _works if int(release.split(".")[0]) >= 7 else _waits
        return measure(at, release, median(idle))


def _works(at: Desk, release: str, idle: float) -> Row:
    took = median(echoes(at))
    clicks = [_click(at) for _ in range(5)]
    _still(at)
    ratio = took / idle
    return Row(
        8,
        f"while a cell computes, ipykernel {release}: a key's echo / idle; a click",
        f"{ratio:.1f} x ({ms(took)}); {ms(median(clicks))}",
        "<= 3 x; <= 0.3 s",
        _theirs(at),
        ratio <= 3 and median(clicks) <= 0.3,
        {"echo_ratio": ratio, "echo": took, "click": median(clicks)},
    )


def _waits(at: Desk, release: str, idle: float) -> Row:
    """Nothing comes before the cell's end: how soon the terminal says so."""
    at.page.evaluate("() => { window.tfnzTerm.input('x'); }")
    said = at.until(_WAITS, within=COMPUTES)
    _still(at)
    theirs = _theirs(at)
    gone = at.until(f"!({_WAITS})", within=10)
    return Row(
        8,
        f"while a cell computes, ipykernel {release}, which has no subshells: until the terminal says that keys wait",
        f"{said:.1f} s; the word is gone {gone:.1f} s after the cell",
        "it says so",
        theirs,
        True,
        {"said": said, "gone": gone, "idle": idle},
    )


def _still(at: Desk) -> None:
    if not at.page.evaluate("window.tfnzBusy"):
        raise SystemExit("the cell was over before all was measured")


def _theirs(at: Desk) -> str:
    """What a click on ipywidgets' own button took, which is told once the cell is over."""
    at.notebook.finish()
    took = float(at.evaluate("() => window.tfnzTheirs"))
    return f"ipywidgets' button: {took:.1f} s, in a cell of {COMPUTES} s"


def _click(at: Desk) -> float:
    """From a click to what it asked for: the log as a file."""
    return float(
        at.page.evaluate(
            """() => new Promise((done) => {
                const start = performance.now();
                const make = URL.createObjectURL;
                URL.createObjectURL = (blob) => {
                    URL.createObjectURL = make;
                    done((performance.now() - start) / 1000);
                    return make.call(URL, blob);
                };
                document.querySelector(".tf-card [aria-label='save the log']").click();
            })"""
        )
    )
