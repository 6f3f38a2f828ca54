"""Locations on this machine: which are one and the same, and how the process that serves is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tfnz_jupyter.engines import options as told
from tfnz_jupyter.errors import UsageError
from tfnz_jupyter.grammar import shell
from tfnz_jupyter.homes import Home, pairs
from tfnz_jupyter.sdk.places import home_of


@pytest.fixture(autouse=True)
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFNZ_HOME", str(tmp_path))
    for name in list(os.environ):
        if name.startswith(("TFNZ_DOCKER", "TFNZ_KUBERNETES", "DOCKER_", "KUBECONFIG")):
            monkeypatch.delenv(name)


def test_the_embedded_location_keeps_its_folders_and_others_have_their_own(tmp_path: Path) -> None:
    assert (Home().runtime, Home().state) == (tmp_path / "run", tmp_path / "state")
    home = Home.of("docker")
    assert (home.runtime, home.state) == (tmp_path / "run/docker", tmp_path / "state/docker")
    assert home.runtime.stat().st_mode & 0o777 == 0o700


def test_other_options_are_another_location() -> None:
    homes = [
        Home.of("docker"),
        Home.of("docker", [("host", "ssh://a")]),
        Home.of("docker", [("host", "ssh://a"), ("host", "ssh://b")]),
        Home.of("kubernetes", [("context", "ssh://a")]),
    ]
    assert len({home.runtime for home in homes}) == 4
    assert Home.of("docker", pairs({"host": ["ssh://a", "ssh://b"]})) == homes[2]


def test_one_that_serves_others_keeps_its_folders_whatever_it_is_told() -> None:
    lab, same = (
        Home.of("docker", [("host", host)], served="lab") for host in ("ssh://a", "ssh://b")
    )
    assert lab != same
    assert lab.state == same.state != Home.of("docker").state
    assert Home.of("docker", served="other").state != lab.state
    assert Home.of("embedded", served="lab") == Home()


def test_the_order_in_which_options_are_said_does_not_matter() -> None:
    said = [("context", "c"), ("namespace", "n")]
    assert Home.of("kubernetes", said) == Home.of("kubernetes", reversed(said))


def test_what_is_not_said_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///one")
    assert Home.of("docker") == Home.of("docker", [("host", "unix:///one")])
    monkeypatch.setenv("TFNZ_DOCKER_HOST", "unix:///two,ssh://lab")
    assert Home.of("docker").options == (("host", ("unix:///two", "ssh://lab")),)
    assert Home.of("docker", [("host", "tcp://three")]).options == (("host", ("tcp://three",)),)
    assert Home.of("embedded") == Home()


def test_paths_mean_the_same_wherever_the_location_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KUBECONFIG", f"one{os.pathsep}/two")
    assert Home.of("kubernetes").options == (("kubeconfig", (f"{tmp_path}/one:/two",)),)


def test_serve_is_told_what_makes_the_same_home() -> None:
    said = [("host", "unix:///a"), ("host", "ssh://b"), ("allow_host_rules", "yes")]
    home = Home.of("docker", said)
    wish = shell.parse_shell(["serve", *home.words])
    assert isinstance(wish, shell.Serve)
    assert Home.of(wish.engine, wish.options) == home


def test_a_location_elsewhere_takes_no_options() -> None:
    assert home_of("lab", ()) is None
    with pytest.raises(UsageError, match="'lab' takes no host"):
        home_of("lab", [("host", "ssh://a")])


def test_an_engine_names_the_option_it_does_not_have() -> None:
    with pytest.raises(UsageError, match="docker engine has no option --init-image") as problem:
        told.known({"init_image": ("x",)}, "docker", ("host", "certs"))
    assert "--host, --certs" in problem.value.hint


def test_an_option_with_one_value_is_refused_twice() -> None:
    assert told.one({}, "context", "usual") == "usual"
    assert told.one({"context": ("a",)}, "context") == "a"
    with pytest.raises(UsageError, match="--context can be given only once"):
        told.one({"context": ("a", "b")}, "context")


@pytest.mark.parametrize(
    ("word", "meant"), [("yes", True), ("1", True), ("no", False), ("", False)]
)
def test_a_switch_is_on_unless_it_says_no(word: str, meant: bool) -> None:
    assert told.switch({"allow_host_rules": (word,)}, "allow_host_rules") is meant
