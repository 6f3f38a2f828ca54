"""What must not be saved in a notebook: values that are, or look like, secrets."""

from __future__ import annotations

import re

MASK = "\u2022" * 6

_NAMES = re.compile(
    r"pass|pwd|secret|token|credential|private|api_?key|access_?key|auth", re.IGNORECASE
)
_KEY = re.compile(r"(^|_)key($|_)", re.IGNORECASE)
_IN_URL = re.compile(r"(?P<before>[a-z][a-z0-9+.-]*://[^/\s:@]*:)[^/\s@]+(?=@)", re.IGNORECASE)
_PREFIXES = ("ghp_", "gho_", "github_pat_", "sk-", "xoxb-", "xoxp-", "AKIA", "eyJ", "-----BEGIN ")


def masked(name: str, value: str) -> str:
    """The value of a variable, or dots where its name or its look says that it is secret."""
    if _NAMES.search(name) or _KEY.search(name) or value.startswith(_PREFIXES):
        return MASK if value else ""
    return masked_text(value)


def masked_text(text: str) -> str:
    """Any text, the passwords in its URLs replaced by dots."""
    return _IN_URL.sub(lambda match: match["before"] + MASK, text)
