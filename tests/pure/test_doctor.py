"""The doctor's report: what it concludes, and how it reads."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tfnz_jupyter.doctor import Check, Report, debian_packages, examine, machine
from tfnz_jupyter.errors import UsageError
from tfnz_jupyter.homes import Home

FINE = Check("crun", "ok", "starts containers")
LESS = Check("passt", "degraded", "reaches the internet", "apt-get install passt", "passt")
GONE = Check("nftables", "missing", "keeps them apart", "apt-get install nftables", "nftables")


def report(*checks: Check) -> Report:
    return Report(checks, (("log", "/run/x/location.log"),), running=False)


def test_a_degraded_machine_works_and_one_that_lacks_a_need_does_not() -> None:
    assert report(FINE, LESS).works
    assert not report(FINE, LESS, GONE).works


def test_one_command_mends_all_packages() -> None:
    assert report(FINE, LESS, GONE).command == "apt-get install passt nftables"
    assert report(FINE).command == ""


def test_the_text_names_each_check_its_state_and_the_command() -> None:
    text = report(FINE, LESS, GONE).as_text()
    assert "OK        crun" in text
    assert "MISSING   nftables" in text
    assert "apt-get install passt nftables" in text


def test_a_check_without_a_package_says_its_own_remedy() -> None:
    assert (
        "to mend it: modprobe tun"
        in report(Check("tun", "degraded", "net", "modprobe tun")).as_text()
    )


def test_the_text_says_where_the_log_is() -> None:
    assert "/run/x/location.log" in report(FINE).as_text()


def test_the_json_says_the_same() -> None:
    told = json.loads(report(FINE, GONE).as_json())
    assert told["works"] is False
    assert told["checks"][1]["name"] == "nftables"


def test_what_a_running_location_knows_is_shown_too() -> None:
    told = Check("the engine says", "degraded", "Memory is not limited here.")
    assert told in examine(["Memory is not limited here."]).checks


def test_a_tool_that_is_not_on_the_path_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tfnz_jupyter.doctor._SBIN", ())
    monkeypatch.setenv("PATH", "/nowhere")
    wanting = {check.package for check in examine().checks if check.package}
    assert {"crun", "nftables", "skopeo"} <= wanting


def test_every_package_says_what_it_is_for() -> None:
    packages = debian_packages()
    assert all(entry["why"] and entry["probe"] for entry in packages)
    assert any(entry["needed"] for entry in packages)


def test_a_folder_that_cannot_be_used_is_a_finding_and_no_crash(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with TemporaryDirectory(prefix="tfnz-") as folder:
        monkeypatch.setenv("TFNZ_HOME", str(Path(folder, "file")))
        Path(folder, "file").write_text("not a folder")
        found = {check.name: check for check in examine().checks}
    assert found["folders"].state == "missing"


@pytest.fixture
def ordinary(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Be an ordinary user of a machine whose files say this."""
    files = {
        "/etc/subuid": ["somebody:100000:65536", "4711:200000:65536"],
        "/etc/subgid": ["4711:200000:65536"],
        "/proc/sys/user/max_user_namespaces": ["1000"],
    }
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    monkeypatch.setattr(os, "getuid", lambda: 4711)
    monkeypatch.setattr(machine, "_lines", lambda path: files.get(path, []))
    monkeypatch.setattr(shutil, "which", lambda name, path=None: f"/usr/bin/{name}")
    return files


def test_an_ordinary_user_can_have_containers_and_is_told_what_they_lack(
    ordinary: dict[str, list[str]],
) -> None:
    found = machine.privileges()
    assert found.state == "degraded"
    assert "without limits" in found.why
    assert machine.control_groups().state == "degraded"
    assert found.mend == "start your program as root"


@pytest.mark.parametrize(
    ("path", "lines", "words"),
    [
        ("/etc/subuid", ["4711:200000:100"], "no 65,536 ids in /etc/subuid"),
        ("/etc/subgid", [], "no 65,536 ids in /etc/subgid"),
        ("/proc/sys/user/max_user_namespaces", ["0"], "max_user_namespaces is 0"),
        ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", ["1"], "apparmor"),
    ],
)
def test_what_keeps_an_ordinary_user_from_containers_is_named_with_what_mends_it(
    ordinary: dict[str, list[str]], path: str, lines: list[str], words: str
) -> None:
    ordinary[path] = lines
    found = machine.privileges()
    assert found.state == "missing"
    assert words in found.why
    assert found.mend


def test_another_engine_is_looked_at_by_its_own_doctor_or_refused() -> None:
    nowhere = Home("kubernetes", (("kubeconfig", ("/no/such/file",)),))
    found = examine(home=nowhere)
    assert [(check.name, check.state) for check in found.checks] == [("cluster", "missing")]
    assert "/no/such/file" in found.as_text()
    with pytest.raises(UsageError, match="lxc"):
        examine(home=Home("lxc"))
