"""SSH and SFTP into a container of any image, by the programs people use."""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest

from tests.support.eventually import eventually
from tests.support.ssh_clients import Clients, Typed, rsync_files
from tfnz_jupyter import Container, Location, Refused, UsageError


@pytest.fixture
def box(location: Location) -> Iterator[Container]:
    """A container that does nothing."""
    box = location.node().spawn_container(
        "busybox", command="exec sleep 3600", env={"COLOUR": "blue"}
    )
    yield box
    if not box.dead:
        box.destroy()


@pytest.fixture
def clients(box: Container, tmp_path: Path) -> Clients:
    return Clients(box.create_ssh_server(0), tmp_path)


def make_key(file: Path) -> Path:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(file)]
    subprocess.run(command, check=True, timeout=30)
    return file


# -- logging in ----------------------------------------------------------------------------------------------------


def test_the_line_it_shows_logs_in(box: Container, tmp_path: Path):
    server = box.create_ssh_server(0)
    assert repr(server) == (
        f"<SshServer {box.name} ssh -i {server.key} -p {server.localport()} root@127.0.0.1>"
    )
    assert server.bind == "127.0.0.1"
    assert stat.S_IMODE(server.key.stat().st_mode) == 0o600
    assert Clients(server, tmp_path).ssh("echo in") == (0, b"in\n", _welcome(server.localport()))


def _welcome(port: int) -> str:
    name = f"[127.0.0.1]:{port}"
    return f"Warning: Permanently added '{name}' (ED25519) to the list of known hosts.\r\n"


def test_the_host_key_is_kept_so_that_nobody_is_warned_the_second_time(
    box: Container, tmp_path: Path
):
    first = box.create_ssh_server(0)
    port = first.localport()
    assert Clients(first, tmp_path).ssh("true")[0] == 0
    box.destroy_ssh_server(first)
    again = Clients(box.create_ssh_server(port), tmp_path)
    assert again.ssh("true", options=("-oStrictHostKeyChecking=yes",)) == (0, b"", "")


def test_a_key_nobody_named_is_not_let_in(box: Container, clients: Clients, tmp_path: Path):
    stranger = Clients(clients.server, tmp_path, key=make_key(tmp_path / "key"))
    code, _, words = stranger.ssh("true")
    assert (code, "Permission denied (publickey)" in words) == (255, True)


def test_keys_that_are_named_are_let_in_as_text_or_as_a_file(box: Container, tmp_path: Path):
    one, two = make_key(tmp_path / "one"), make_key(tmp_path / "two")
    public = [one.with_suffix(".pub").read_text(), two.with_suffix(".pub")]
    server = box.create_ssh_server(0, authorized_keys=public)
    for key in (one, two, server.key):
        assert Clients(server, tmp_path, key=key).ssh("true")[0] == 0


def test_the_users_own_keys_are_let_in(
    box: Container, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / ".ssh").mkdir()
    key = make_key(tmp_path / ".ssh/id_any")
    (tmp_path / ".ssh/broken.pub").write_text("this is no key")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Clients(box.create_ssh_server(0), tmp_path, key=key).ssh("true")[0] == 0


@pytest.mark.parametrize("given", ["", "no key", ["ssh-ed25519 AAAA"], Path("/no/such/file")])
def test_what_is_no_key_is_named(box: Container, given: object):
    with pytest.raises(UsageError, match="key"):
        box.create_ssh_server(0, authorized_keys=given)


def test_only_root_logs_in_and_others_are_told(clients: Clients):
    clients.address = "alice@127.0.0.1"
    code, _, words = clients.ssh("true")
    assert (code, "Log in as root, not as 'alice'." in words) == (255, True)


def test_a_port_that_is_taken_is_named(box: Container, clients: Clients):
    port = clients.server.localport()
    with pytest.raises(Refused, match=str(port)):
        box.create_ssh_server(port)


# -- commands ------------------------------------------------------------------------------------------------------


def test_a_command_has_both_outputs_its_input_and_its_true_exit_code(clients: Clients):
    clients.ssh("true")
    assert clients.ssh("cat; echo wrong >&2; exit 7", input=b"\0\xff") == (
        7,
        b"\0\xff",
        "wrong\n",
    )


def test_a_command_has_the_containers_environment_and_folder(clients: Clients):
    assert clients.ssh("echo $COLOUR; pwd; id -u")[1] == b"blue\n/\n0\n"


def test_a_command_that_is_killed_is_told_as_killed(clients: Clients):
    assert clients.ssh("kill -9 $$")[0] == 255


def test_a_shell_reads_its_commands(clients: Clients):
    assert clients.ssh(input=b"echo $((6 * 7)); exit 3\n")[:2] == (3, b"42\n")


def test_much_output_arrives_whole(clients: Clients):
    assert len(clients.ssh("head -c 20000000 /dev/zero")[1]) == 20_000_000


def test_a_client_that_leaves_hangs_up_its_command(box: Container, clients: Clients):
    with subprocess.Popen(
        clients.command("echo up; exec sleep 1234"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        process.kill()
    eventually(lambda: b"sleep 1234" not in box.run_process("ps")[0], within=10)


def test_an_image_without_a_shell_runs_programs(location: Location, tmp_path: Path):
    bare = location.node().spawn_container("busybox", command=["/usr/bin/busybox", "sleep", "3600"])
    bare.run_process(["/usr/bin/busybox", "rm", "/bin/sh", "/bin/ash"])
    clients = Clients(bare.create_ssh_server(0), tmp_path)
    assert clients.ssh("echo 'two words'")[1] == b"two words\n"
    assert clients.ssh()[0] == 127
    assert "no shell" in clients.ssh()[2]


# -- terminals -----------------------------------------------------------------------------------------------------


@pytest.fixture
def typed(clients: Clients) -> Iterator[Typed]:
    """A shell in the container on a terminal of 100 by 30."""
    typed = Typed(clients.command(options=("-oSendEnv=-*",)), 100, 30)
    typed.type("PS1=; stty -echo; echo $((6 * 7)) up\n")
    typed.shows("42 up\r\n")
    yield typed
    typed.close()


def test_a_shell_has_the_terminal_of_its_client(typed: Typed):
    typed.type("stty size; tty\n")
    typed.shows("30 100\r\n/dev/pts/0\r\n")
    typed.type("exit 5\n")
    assert typed.end() == 5


def test_a_terminal_that_is_resized_is_resized_in_the_container(typed: Typed):
    typed.type("while :; do stty size; sleep 0.05; done\n")
    typed.shows("\n30 100")
    typed.resize(132, 43)
    typed.shows("\n43 132")


def test_keys_are_signals_to_what_runs_on_the_terminal(typed: Typed):
    typed.type("sh -c 'echo $((6 * 7)) on; exec sleep 1234'\n")
    typed.shows("42 on")
    typed.type("\x03")
    typed.type("echo $((6 * 7)) again\n")
    typed.shows("42 again")


def test_a_terminal_that_is_closed_ends_its_shell(box: Container, typed: Typed):
    typed.type("echo $((6 * 7)) on; sleep 1234\n")
    typed.shows("42 on")
    typed.close()
    eventually(lambda: b"sleep 1234" not in box.run_process("ps")[0], within=10)


# -- files ---------------------------------------------------------------------------------------------------------


def test_sftp_does_all_that_people_do_with_files(box: Container, clients: Clients, tmp_path: Path):
    local = tmp_path / "local"
    local.write_bytes(os.urandom(3_000_000))
    local.chmod(0o640)
    code, out, words = clients.sftp(
        "mkdir /tmp/deep",
        f"put {local} /tmp/deep/one",
        "rename /tmp/deep/one /tmp/deep/two",
        "chown 7 /tmp/deep/two",
        "chmod 4711 /tmp/deep/two",
        "symlink two /tmp/deep/link",
        "ls -l /tmp/deep",
        f"get /tmp/deep/link {tmp_path}/back",
        "rm /tmp/deep/link",
        "cd /tmp/deep",
        "pwd",
    )
    assert code == 0, words
    assert b"-rws--x--x" in out
    assert b"Remote working directory: /tmp/deep" in out
    assert (tmp_path / "back").read_bytes() == local.read_bytes()
    assert box.run_process("ls /tmp/deep; stat -c '%a %u' /tmp/deep/two")[0] == b"two\n4711 7\n"


def test_sftp_says_what_cannot_be_done(clients: Clients):
    assert "not found" in clients.sftp("ls /nowhere")[2]
    assert 'rmdir "/etc": Failure' in clients.sftp("rmdir /etc")[2]
    assert (
        'rename "/etc/hosts" to "/proc/x": Failure' in clients.sftp("rename /etc/hosts /proc/x")[2]
    )


def test_a_file_is_cut_off_and_added_to(box: Container, clients: Clients, tmp_path: Path):
    box.put("/log", b"0123456789")
    (tmp_path / "log").write_bytes(b"0123456789more")
    assert clients.sftp(f"reput {tmp_path}/log /log")[0] == 0
    assert box.fetch("/log") == b"0123456789more"
    (tmp_path / "log").write_bytes(b"short")
    assert clients.sftp(f"put {tmp_path}/log /log")[0] == 0
    assert box.fetch("/log") == b"short"


def test_no_path_leads_out_of_the_container(box: Container, clients: Clients, tmp_path: Path):
    secret = tmp_path / "secret"
    secret.write_text("the host's")
    box.run_process(["ln", "-s", f"../../../../../../..{secret}", "/trap"])
    for path in ("/trap", str(secret), f"/../../..{secret}"):
        assert clients.sftp(f"get {path} {tmp_path}/stolen")[0] == 1
    assert not (tmp_path / "stolen").exists()


@pytest.mark.parametrize("protocol", ["-s", "-O"])
def test_scp_copies_folders_both_ways(clients: Clients, tmp_path: Path, protocol: str):
    folder = tmp_path / "folder"
    (folder / "in").mkdir(parents=True)
    (folder / "in/tool").write_bytes(b"#!/bin/true\n")
    (folder / "in/tool").chmod(0o750)
    os.utime(folder / "in/tool", (1_000_000_000, 1_000_000_000))
    clients.ssh("true")
    assert clients.scp(protocol, "-rp", str(folder), ":/tmp/there") == (0, b"", "")
    assert clients.scp(protocol, "-rp", ":/tmp/there", f"{tmp_path}/back") == (0, b"", "")
    back = (tmp_path / "back/in/tool").stat()
    assert (stat.S_IMODE(back.st_mode), back.st_mtime) == (0o750, 1_000_000_000)
    assert (tmp_path / "back/in/tool").read_bytes() == b"#!/bin/true\n"


def test_rsync_copies_what_has_changed(box: Container, clients: Clients, tmp_path: Path):
    for file in rsync_files():
        box.put(str(file), file)
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("same", "other"):
        (folder / name).write_text(name)
    assert clients.rsync("-a", f"{folder}/", ":/tmp/there/")[0] == 0
    (folder / "other").write_text("changed")
    (folder / "same").touch()
    code, out, words = clients.rsync("-ac", "--delete", "-i", f"{folder}/", ":/tmp/there/")
    assert (code, b"other" in out) == (0, True), words
    assert box.fetch("/tmp/there/other") == b"changed"
    assert box.fetch("/tmp/there/same") == b"same"


# -- ports ---------------------------------------------------------------------------------------------------------


def test_ports_of_the_container_are_forwarded_and_no_others(
    location: Location, box: Container, clients: Clients
):
    box.spawn_process("nc -ll -p 7 -e cat")
    box.wait_tcp(7)
    with socket.create_server(("127.0.0.1", 0)) as ours:
        inside = clients.ssh(input=b"hello\n", options=("-W", "localhost:7"))
        assert inside[:2] == (0, b"hello\n")
        outside = clients.ssh(options=("-W", f"192.0.2.1:{ours.getsockname()[1]}"))
        assert "only the ports of" in outside[2]
    assert "port 9 of" in clients.ssh(options=("-W", "localhost:9"))[2]


def test_a_forwarded_port_stays_open_both_ways(box: Container, clients: Clients, tmp_path: Path):
    box.spawn_process("nc -ll -p 7 -e md5sum")
    box.wait_tcp(7)
    command = clients.command(options=("-N", "-L", f"{tmp_path}/port:localhost:7"))
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        eventually((tmp_path / "port").exists, within=20)
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(60)
            link.connect(f"{tmp_path}/port")
            link.sendall(b"x" * 5_000_000)
            link.shutdown(socket.SHUT_WR)
            assert link.makefile("rb").read().split()[0] == (
                hashlib.md5(b"x" * 5_000_000).hexdigest().encode()
            )
        process.terminate()


def test_nothing_of_the_locations_own_machine_is_offered(clients: Clients, tmp_path: Path):
    server = clients.server

    async def attempts() -> None:
        keys, port = [str(server.key)], server.localport()
        async with asyncssh.connect(
            "127.0.0.1", port, username="root", client_keys=keys, known_hosts=None, config=None
        ) as client:
            with pytest.raises(asyncssh.ChannelOpenError):
                await client.open_unix_connection(f"{tmp_path}/any")
            with pytest.raises(asyncssh.ChannelOpenError):
                await client.open_tun()
            with pytest.raises(asyncssh.ChannelListenError):
                await client.forward_remote_port("127.0.0.1", 0, "127.0.0.1", 1)
            with pytest.raises(asyncssh.ChannelListenError):
                await client.forward_remote_path(f"{tmp_path}/made", "/run/any")

    asyncio.run(attempts())
    assert not (tmp_path / "made").exists()


# -- its end -------------------------------------------------------------------------------------------------------


def test_it_ends_with_its_container_and_says_so(box: Container, clients: Clients):
    with subprocess.Popen(
        clients.command("echo up; exec sleep 1234"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        box.destroy()
        assert process.wait(10) != 0
    assert clients.server.dead
    assert repr(clients.server) == f"<SshServer {box.name} closed>"
    assert box.ssh_servers == []


def test_it_survives_reboots(box: Container, clients: Clients):
    clients.ssh("touch /mine")
    box.reboot()
    assert clients.ssh("ls /mine")[1] == b"/mine\n"
    box.reboot(reset_filesystem=True)
    assert clients.ssh("ls /mine; echo gone")[1] == b"gone\n"


def test_one_enters_a_container_that_sleeps(location: Location, tmp_path: Path):
    sleeper = location.node().spawn_container("busybox", command="sleep 3600", sleep=True)
    clients = Clients(sleeper.create_ssh_server(0), tmp_path)
    assert clients.ssh("echo in")[1] == b"in\n"
    assert clients.sftp("put /etc/hosts /tmp/hosts")[0] == 0
    assert sleeper.state == "asleep"


def test_a_destroyed_one_listens_no_longer(box: Container, clients: Clients):
    port = clients.server.localport()
    box.destroy_ssh_server(clients.server)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
    with pytest.raises(UsageError):
        box.destroy_ssh_server(clients.server)
