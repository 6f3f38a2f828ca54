"""What an image says about running it is done exactly: entrypoint, command, environment, folder, user."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from tests.support.image_files import make_layout
from tests.support.tinyimage import BUSYBOX, add_file, add_folder, add_link
from tfnz_jupyter import EngineFailed, UsageError

_PASSWD = b"root:x:0:0::/root:/bin/sh\nana:x:1000:1000::/home/ana:/bin/sh\n"
_GROUP = b"root:x:0:\nana:x:1000:\nfriends:x:2000:ana\n"
_APPLETS = ("sh", "echo", "env", "pwd", "id", "cat", "sleep", "ls", "stat")


def tar(*applets: str) -> bytes:
    """A layer with busybox under these names, and accounts."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as found:
        for folder in ("bin", "etc", "proc", "dev", "sys", "tmp"):
            add_folder(found, folder)
        add_file(found, "bin/busybox", BUSYBOX.read_bytes(), 0o755)
        for name in applets:
            add_link(found, f"bin/{name}", "busybox")
        add_file(found, "etc/passwd", _PASSWD)
        add_file(found, "etc/group", _GROUP)
    return made.getvalue()


@pytest.fixture
def printed(node, tmp_path: Path):
    """What a container of an image that says ``run`` prints, by other applets if named."""

    def spawn(run: dict, *, applets=_APPLETS, **options) -> list[str]:
        layout = make_layout(tmp_path / "image", tar(*applets), run=run)
        container = node.spawn_container(f"oci:{layout}", **options)
        assert container.wait_exit(timeout=60) == 0
        return container.logs().decode().splitlines()

    return spawn


@pytest.mark.parametrize(
    ("run", "command", "said"),
    [
        ({"Entrypoint": ["echo", "entry"], "Cmd": ["cmd"]}, None, "entry cmd"),
        ({"Entrypoint": ["echo", "entry"]}, None, "entry"),
        ({"Cmd": ["echo", "it's", "a  b", "$HOME"]}, None, "it's a  b $HOME"),
        ({"Entrypoint": ["echo", "entry"], "Cmd": ["cmd"]}, ["echo", "mine"], "mine"),
        ({"Entrypoint": ["false"], "Cmd": ["cmd"]}, "echo by $0", "by /bin/sh"),
        ({"Cmd": ["/bin/echo", "path"]}, None, "path"),
    ],
)
def test_entrypoint_and_command(printed, run, command, said):
    assert printed(run, command=command) == [said]


def test_the_users_environment_is_laid_over_the_images(printed):
    run = {"Cmd": ["env"], "Env": ["A=image", "B=x=y=z", "EMPTY=", "PATH=/bin"]}
    found = dict(line.split("=", 1) for line in printed(run, env=[("A", "mine"), ("C", "it's")]))
    wanted = {"A": "mine", "B": "x=y=z", "C": "it's", "EMPTY": "", "PATH": "/bin", "HOME": "/root"}
    assert wanted.items() <= found.items()


def test_what_nobody_sets_is_there_all_the_same(printed):
    found = dict(line.split("=", 1) for line in printed({"Cmd": ["env"]}, name="somebody"))
    assert (found["HOME"], found["HOSTNAME"]) == ("/root", "somebody")
    assert "/bin" in found["PATH"].split(":")


def test_it_starts_in_the_images_folder_which_is_made_if_need_be(printed):
    assert printed({"Cmd": ["pwd"]}) == ["/"]
    assert printed({"Cmd": ["pwd"], "WorkingDir": "/etc"}) == ["/etc"]
    assert printed({"Cmd": ["pwd"], "WorkingDir": "/not/yet"}) == ["/not/yet"]
    assert printed({"Cmd": ["pwd"], "WorkingDir": "/etc"}, workdir="/tmp") == ["/tmp"]
    assert printed({"Cmd": ["pwd"], "WorkingDir": "/etc"}, workdir="/nor/this") == ["/nor/this"]


@pytest.mark.parametrize(
    ("user", "said"),
    [
        ("", "uid=0(root) gid=0(root)"),
        ("ana", "uid=1000(ana) gid=1000(ana) groups=1000(ana),2000(friends)"),
        ("1000", "uid=1000(ana) gid=1000(ana) groups=1000(ana),2000(friends)"),
        ("ana:friends", "uid=1000(ana) gid=2000(friends)"),
        ("4000:5000", "uid=4000 gid=5000"),
        ("4000", "uid=4000 gid=0(root)"),
    ],
)
def test_it_runs_as_the_images_user(printed, user, said):
    (line,) = printed({"Cmd": ["id"], "User": user})
    assert line.startswith(said)


def test_an_image_needs_no_shell(node, tmp_path):
    run = {"Entrypoint": ["/bin/busybox", "sleep"], "Cmd": ["1000"]}
    layout = make_layout(tmp_path / "image", tar(), run=run)
    container = node.spawn_container(f"oci:{layout}")
    assert container.run_process(["/bin/busybox", "echo", "hi"]) == (b"hi\n", b"", 0)
    with pytest.raises(EngineFailed, match="'/bin/sh'") as problem:
        container.run_process("echo hi")
    assert "give the command as a list" in problem.value.hint
    with pytest.raises(EngineFailed, match="no shell"):
        container.spawn_shell()


def test_an_image_that_says_nothing_to_run_is_asked_for_a_command(node, tmp_path):
    layout = make_layout(tmp_path / "image", tar("echo"), run={"Env": ["A=b"]})
    with pytest.raises(UsageError, match="nothing about what to run"):
        node.spawn_container(f"oci:{layout}").wait_until_ready(timeout=60)
    pod = node.spawn_container(f"oci:{layout}", sleep=True)
    assert pod.run_process(["echo", "pod"])[0] == b"pod\n"
    with pytest.raises(UsageError, match="nothing to run"):
        pod.start()
    assert pod.state == "asleep"
