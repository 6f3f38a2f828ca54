"""Cells that the floods are made of: containers that print at a rate, and today's ways of showing lines in a notebook."""

from __future__ import annotations

_LINE = "%06d the quick brown fox jumps over the lazy dog and runs on through the wood"
_BLOCKS = 20  # a second

#: Prints ``$2`` blocks of ``$1`` lines once it is told to begin, and stays.
_PRINTER = (
    f"b=$(awk -v lines=$1 'BEGIN {{ for (n = 0; n < lines; n++) printf \"{_LINE}\\n\", n }}');"
    "echo ready; read begin; i=0;"
    f"while [ $i -lt $2 ]; do printf '%s\\n' \"$b\"; sleep {1 / _BLOCKS}; i=$((i+1)); done;"
    "sleep 100000"
)


def printer(name: str, rate: int, seconds: float, *, shown: bool = True) -> str:
    """A cell that spawns a container which prints ``rate`` lines a second, once :func:`begin` tells it to."""
    words = ["sh", "-c", _PRINTER, "sh", str(rate // _BLOCKS), str(int(seconds * _BLOCKS))]
    spawn = f"{name} = node.spawn_container('busybox', name={name!r}, command={words!r})"
    return f"{spawn}; {name}.wait_log('ready')" + (f"\ndisplay({name})" if shown else "")


def begin(*names: str) -> str:
    """A cell that tells printers to begin."""
    return "; ".join(f"{name}.stdin(b'go\\n')" for name in names)


def lines(rate: int, seconds: float) -> int:
    """How many lines such a printer prints, the word that it is ready included."""
    return rate // _BLOCKS * int(seconds * _BLOCKS) + 1


THREAD = """
stop = threading.Event()
def go():
    began, n = time.monotonic(), 0
    while not stop.is_set() and n < {rate} * {seconds}:
        if n / {rate} > time.monotonic() - began:
            time.sleep(0.001)
            continue
        {send}
        n += 1
threading.Thread(target=go, daemon=True).start()
"""
WORDS = "f'{n:06} the quick brown fox jumps over the lazy dog and runs on through the wood\\n'"


def append_stdout(rate: int, seconds: float) -> str:
    """A cell that shows lines as ipywidgets' Output does from a thread."""
    begun = "import ipywidgets\nout = ipywidgets.Output()\ndisplay(out)"
    return begun + THREAD.format(rate=rate, seconds=seconds, send=f"out.append_stdout({WORDS})")


_PER_LINE = '''
import anywidget, traitlets
class Log(anywidget.AnyWidget):
    _esm = """
    export default { render({ model, el }) {
        const pre = document.createElement("pre");
        pre.className = "per-line";
        el.append(pre);
        let n = 0;
        model.on("msg:custom", (m) => { pre.append(m.line); pre.dataset.total = ++n; model.send({ ack: n }); });
        model.send({ ready: true });
    } }
    """
log = Log()
ready = threading.Event()
log.on_msg(lambda *heard: ready.set())
display(log)
'''


def per_line(rate: int, seconds: float) -> str:
    """A cell that shows lines by a widget, a message and an answer for each."""
    send = f"log.send(dict(line={WORDS}))"
    return _PER_LINE + THREAD.format(rate=rate, seconds=seconds, send=send)
