"""What a cell can be: ``%%tf`` and a verb, with the cell's text as a script or a file."""

from __future__ import annotations

from . import commands, values
from .slots import Argument, Verb
from .verbs_containers import CONTAINERS, NAME
from .verbs_images import BUILD_CELL

_SPAWN = next(verb for verb in CONTAINERS if verb.command is commands.Spawn)

CELLS: tuple[Verb, ...] = (
    Verb(
        "exec",
        commands.Script,
        "run the cell in a container, by its shell; with COMMAND, as that one's standard input",
        (NAME, Argument("command", "COMMAND", "rest")),
        notes="A first line that begins with #! says what else is to run it.",
        example="exec web",
    ),
    Verb(
        "put",
        commands.PutText,
        "make the cell a file in a container",
        (NAME, Argument("dest", "PATH", read=values.folder, kind="inside")),
        example="put web /etc/motd",
    ),
    BUILD_CELL,
    _SPAWN,
)

CELLS_BY_NAME = {verb.name: verb for verb in CELLS}
