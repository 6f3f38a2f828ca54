"""What a Dockerfile says: instructions with their lines, stages, words with variables filled in, patterns of files. Pure.

The language is Docker's, as its reference has it. What cannot be done here (``RUN --mount``, ``ADD`` of a URL) is refused
by who would have to do it, with the line; nothing is read and then forgotten.
"""

from __future__ import annotations

from .patterns import Ignored, compiled, of_name
from .reading import Heredoc, Instruction, read, wrong
from .stages import Stage, stages, takes_from_context
from .words import Lookup, expand, pairs, split_words

__all__ = [
    "Heredoc",
    "Ignored",
    "Instruction",
    "Lookup",
    "Stage",
    "compiled",
    "expand",
    "of_name",
    "pairs",
    "read",
    "split_words",
    "stages",
    "takes_from_context",
    "wrong",
]
