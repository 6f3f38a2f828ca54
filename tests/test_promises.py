"""``tests/README.md`` says which test holds which promise: nothing is missing there, and every test it names exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "tests" / "README.md").read_text("utf-8")
ROW = re.compile(
    r"^\| (?!-|promise|heading|defect|tier)(?P<what>.+?) \| (?P<tests>.+) \|$", re.MULTILINE
)
NAMED = re.compile(r"`((?:pure|real|faults|engines|browser|fuzz|notebooks|test_)[^`]*)`")

HEADINGS = """
Hello world, Garbage collection, Tagging and discovery, Connecting to locations, Resource offers, Images, Volumes, Choosing
nodes, Parent creates and destroys child, Spawning containers, stdin, Pre-boot configuration, Callbacks, Rebooting, Fetch /
put, Running processes, Tunnels+ SSH, Clusters+ endpoints, Connecting containers, External containers, Microservices
"""
DEFECTS = [*(f"D-{n}" for n in range(1, 29)), *(f"S-{n}" for n in range(1, 10))]


def section(title: str) -> str:
    """One part of the page."""
    return README.split(f"## {title}\n")[1].split("\n## ")[0]


def rows(text: str) -> list[tuple[str, str]]:
    """What each row of its table is about, and what stands beside it."""
    return [(found["what"], found["tests"]) for found in ROW.finditer(text)]


def named() -> Iterator[str]:
    """Every test the page names: a file, a pattern of files, or a file and its functions."""
    for _, tests in rows(README):
        yield from NAMED.findall(tests)


def test_every_heading_has_its_tests() -> None:
    wanted = [" ".join(one.split()).replace("+", ",") for one in HEADINGS.split(",")]
    assert [what for what, _ in rows(section("By heading of what users observe"))] == wanted


def test_every_defect_has_its_tests_or_says_why_there_is_none() -> None:
    found = rows(section("By defect of the system before this one"))
    assert [what.split()[0] for what, _ in found] == DEFECTS
    assert not [what for what, tests in found if not NAMED.search(tests)]


@pytest.mark.parametrize("name", sorted(set(named())))
def test_every_test_that_is_named_exists(name: str) -> None:
    path, _, function = name.partition("::")
    base = ROOT if path.startswith("notebooks") else ROOT / "tests"
    files = list(base.glob(path.rstrip("/")))
    assert files, name
    if function:
        pattern = re.compile(rf"def {re.escape(function).replace(re.escape('*'), '[a-z0-9_]*')}\(")
        assert any(pattern.search(file.read_text("utf-8")) for file in files), name
