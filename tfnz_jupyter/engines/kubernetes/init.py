"""What is in every Pod beside the user's own: a static busybox and a script (``init*.sh``), on an emptyDir at ``/.tfnz``.

The image needs no shell. An init container (:func:`preparing`) puts both there; the Pod's main container, of the user's
image, runs the script (:data:`COMMAND`), which does nothing but wait, and reaps whoever loses its parent. It neither needs
nor gets the user's command, environment or files: those come over the **desk** (:data:`DESK`), an exec that the location
holds open to each Pod. What a container is told to run is thus in no object of the cluster, and any process costs a message,
not an exec. A desk that is cut is opened again; the latest one counts.

Towards the Pod go lines, each with as many bytes behind it as it says::

    w NAME SIZE             a file below /.tfnz
    q NUMBER SIZE           shell code to run: the answer is r/NUMBER, its last line the exit code
    n ID SIZE asleep|awake  a process: its spec, as shell code
    i ID NUMBER SIZE BYTES  a chunk of a process's standard input; no more than 4 that are not confirmed
    c ID                    the end of it
    a ID STREAM COUNT BYTES LINES    so many chunks of an output were taken, which are so many bytes and lines
    k NUMBER                an answer was heard, and need not be kept

Back come batches of files: ``NAME SIZE`` lines, an empty one, and then the contents, one after the other::

    p/ID/o.N  p/ID/e.N      a chunk of an output, in slot N of its ring of 16
    p/ID/o.taken            before them, on a new desk: how many chunks an earlier one was told are taken
    p/ID/exit               ``code 3``, ``signal 9`` or ``signal 9 oom``
    p/ID/i.N.fed            the number of a chunk of standard input that went into the pipe
    r/NUMBER                an answer
    token                   first on a new desk: what ends each output, random for each life of the container
    ready                   last of what there was before the desk was opened: the life, another after each restart

A process is the child of one that lasts, and not of the desk: ``spool`` takes its outputs, a chunk at a time, into a ring
that holds each until the location has taken it, so nothing is lost or doubled over cuts and restarts of the location, and a
reader who rests rests the writer. ``began ID`` waits until a process runs, ``wake ID`` runs one that is asleep. On a
terminal, busybox's telnetd holds the terminal. Whoever is killed is stopped first, then all below it are found and killed;
what lost its parent before that, and left no trace, is not found.

Reboots clear the Pod of all but the script and run the command again; for a reset the container is ended, and the kubelet
starts it anew from the image, on the same emptyDir and address.
"""

from __future__ import annotations

import functools
import shlex
from importlib import resources
from typing import Any

FOLDER = "/.tfnz"
#: What the main container of a Pod runs; it may be of any image, and must be root.
COMMAND = (f"{FOLDER}/busybox", "sh", f"{FOLDER}/script", "init")
#: What an exec into it runs.
DESK = (f"{FOLDER}/busybox", "sh", f"{FOLDER}/script", "desk")
_PARTS = ("init.sh", "init_processes.sh", "init_files.sh")
MAIN = "main"  # that container, within its Pod
VOLUME = "tfnz"
#: In a Pod's ``volumes``. In memory, for a disk would be waited for; the rings of a flooding process hold a few MiB.
STORAGE: dict[str, Any] = {"name": VOLUME, "emptyDir": {"medium": "Memory"}}
#: In the ``volumeMounts`` of both containers.
MOUNT: dict[str, Any] = {"name": VOLUME, "mountPath": FOLDER}


@functools.cache
def script() -> str:
    """The script, as it runs in every Pod."""
    folder = resources.files(__package__)
    return "\n".join(folder.joinpath(part).read_text("utf-8") for part in _PARTS)


def preparing(image: str) -> dict[str, Any]:
    """The init container, but for its ``securityContext``: ``image`` has a static /bin/busybox."""
    return {
        "name": "prepare",
        "image": image,
        "command": ["/bin/busybox", "sh", "-c", 'eval "$TFNZ_SCRIPT"', "sh", "prepare"],
        "env": [{"name": "TFNZ_SCRIPT", "value": script().replace("$", "$$")}],  # else expanded
        "volumeMounts": [MOUNT],
    }


def quoted(*words: str) -> str:
    """Words for the script's shell, whatever is in them."""
    return " ".join(map(shlex.quote, words))
