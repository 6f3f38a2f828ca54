"""Sleeping, waking and rebooting: what survives, by the table in ``Container.reboot``."""

from __future__ import annotations

import socket
import threading

import pytest

from tests.support.eventually import eventually
from tfnz_jupyter import ContainerEnded, EngineFailed, Location, UsageError

#: Says who it is and that it is up, then serves its own start count to whoever connects.
SERVES = "echo start >>/starts; echo up; while :; do wc -l </starts | nc -l -p 80; done"


def asked(tunnel) -> bytes:
    """What a server behind a tunnel says to one connection."""
    with socket.create_connection(("127.0.0.1", tunnel.localport()), timeout=20) as connection:
        return connection.makefile("rb").read()


def test_a_sleeper_can_be_used_and_its_command_waits(node):
    container = node.spawn_container(
        "busybox",
        sleep=True,
        command="cat /note; exec sleep 1000",
        pre_boot_files={"/note": "hi\n"},
    )
    assert container.wait_until_ready(timeout=60).state == "asleep"
    assert container.is_ready()
    assert container.started_at is None
    assert container.run_process("cat /note")[0] == b"hi\n"
    assert container.logs() == b""
    container.start()
    assert container.state == "running"
    assert container.wait_log("hi", timeout=20) == b"hi"


def test_starting_again_does_nothing(node):
    container = node.spawn_container("busybox", sleep=True, command="echo once; exec sleep 1000")
    for _ in range(3):
        container.start()
    container.wait_log("once", timeout=20)
    assert container.logs() == b"once\n"


def test_a_command_that_is_not_there_yet_leaves_it_asleep(node):
    container = node.spawn_container("busybox", sleep=True, command=["/later"])
    with pytest.raises(EngineFailed, match="no such command '/later'"):
        container.start()
    assert container.state == "asleep"
    container.run_process("printf '#!/bin/sh\necho came' >/later; chmod +x /later")
    container.start()
    assert container.wait_exit(timeout=20) == 0
    assert container.logs() == b"came\n"


def test_a_reboot_in_place_keeps_what_was_written_and_ends_what_ran(node):
    gone = threading.Event()
    container = node.spawn_container("busybox", command=SERVES)
    container.wait_log("up", timeout=60)
    process = container.spawn_process("sleep 1000", termination_callback=lambda p, code: gone.set())
    container.run_process("echo more >/mine")
    ip, started = container.ip, container.started_at
    container.reboot()
    assert (container.state, container.ip) == ("running", ip)
    assert container.started_at > started
    assert container.run_process("cat /mine")[0] == b"more\n"
    assert gone.wait(5)
    assert (process.returncode, container.all_processes()) == (137, [])
    eventually(lambda: container.logs() == b"up\nup\n", within=5)


def test_a_reset_goes_back_to_the_pre_boot_files(node):
    container = node.spawn_container(
        "busybox", command="exec sleep 1000", pre_boot_files={"/etc/mine": "first"}
    )
    container.run_process("echo changed >/etc/mine; touch /made")
    container.reboot(reset_filesystem=True)
    out, _, code = container.run_process("cat /etc/mine; ls /made")
    assert (out, code) == (b"first", 1)


def test_a_tunnel_survives_and_its_connections_do_not(node):
    container = node.spawn_container("busybox", command=SERVES)
    tunnel = container.attach_tunnel(80)
    assert asked(tunnel) == b"1\n"
    with socket.create_connection(("127.0.0.1", tunnel.localport())) as open_one:
        container.spawn_process("nc -l -p 81")
        container.reboot()
        open_one.settimeout(20)
        assert open_one.recv(1 << 16) in (b"", b"1\n", b"2\n")
    assert asked(tunnel) == b"2\n"
    container.reboot(reset_filesystem=True)
    assert asked(tunnel) == b"1\n"


def test_no_termination_is_told_and_the_callbacks_stay(node):
    told, printed = [], []
    container = node.spawn_container(
        "busybox",
        command="echo up; exec sleep 1000",
        stdout_callback=lambda c, data: printed.append(data),
        termination_callback=lambda c, code: told.append(code),
    )
    container.wait_log("up", timeout=60)
    container.reboot()
    eventually(lambda: b"".join(printed) == b"up\nup\n", within=10)
    assert told == []
    container.destroy()
    eventually(lambda: told == [137], within=10)


def test_standard_input_is_open_again(node):
    container = node.spawn_container("busybox", command="cat; exec sleep 1000")
    container.stdin(b"first\n")
    container.stdin_eof()
    container.wait_log("first", timeout=60)
    container.reboot()
    container.stdin(b"second\n")
    assert container.wait_log("second", timeout=20) == b"second"


def test_a_sleeper_stays_asleep(node):
    container = node.spawn_container("busybox", sleep=True, command="echo up; exec sleep 1000")
    container.reboot()
    assert container.state == "asleep"
    container.reboot(reset_filesystem=True)
    assert (container.state, container.logs()) == ("asleep", b"")
    container.start()
    container.wait_log("up", timeout=20)
    container.reboot()
    eventually(lambda: container.logs() == b"up\nup\n", within=10)


def test_verbs_used_meanwhile_wait_for_it(node):
    container = node.spawn_container("busybox", command="trap : TERM; while :; do sleep 0.05; done")
    container.wait_until_ready(timeout=60)
    rebooting = threading.Thread(target=container.reboot)
    rebooting.start()
    eventually(lambda: container.state == "booting" or not rebooting.is_alive(), within=20)
    assert container.run_process("echo after")[0] == b"after\n"
    rebooting.join(20)
    assert container.state == "running"


def test_one_that_does_not_come_up_again_is_over_and_says_why(node):
    container = node.spawn_container("busybox", command="exec sleep 1000")
    container.run_process(["rm", "/bin/sh"])
    with pytest.raises(EngineFailed, match="no such command '/bin/sh'"):
        container.reboot()
    assert container.dead
    with pytest.raises(EngineFailed, match="no such command '/bin/sh'"):
        container.wait_exit(timeout=20)


def test_what_is_over_neither_starts_nor_reboots(node):
    container = node.spawn_container("busybox", command="echo done")
    container.wait_exit(timeout=60)
    for verb in (container.start, container.reboot):
        with pytest.raises(ContainerEnded, match="done"):
            verb()


def test_a_sleeper_that_is_never_started_is_a_pod_of_processes(node):
    container = node.spawn_container("busybox", sleep=True)
    first = container.spawn_process("nc -l -p 80 </etc/hostname")
    assert container.run_process("sleep 0; cat", input=b"second")[0] == b"second"
    assert container.all_processes() == [first]
    assert container.state == "asleep"


def test_destroying_a_sleeper_frees_it(node):
    container = node.spawn_container("busybox", sleep=True, command="echo never")
    container.wait_until_ready(timeout=60)
    container.destroy()
    assert (container.state, container.reason, container.logs()) == ("ended", "destroyed", b"")
    with pytest.raises(ContainerEnded):
        container.start()


@pytest.mark.parametrize("size", ["big", (80,), (0, 24), (80, 24.5), (80, 70_000), 5])
def test_a_terminal_of_no_size_is_refused(node, size):
    with pytest.raises(UsageError, match="terminal"):
        node.spawn_container("busybox", terminal=size)


def test_another_session_may_wake_feed_and_reboot_what_is_tagged(node):
    container = node.spawn_container(
        "busybox", sleep=True, command="echo up; exec cat", tag="sleeping-beauty"
    )
    container.wait_until_ready(timeout=60)
    with Location() as other:
        same = eventually(lambda: other.externals.get(other.user_pk, "sleeping-beauty"), within=10)
        same.start()
        same.stdin(b"kiss\n")
        container.wait_log("kiss", timeout=20)
        same.reboot()
        eventually(lambda: same.logs().endswith(b"up\n"), within=10)
        for session, word in ((same, b"one\n"), (container, b"two\n")):
            session.stdin(word)
            container.wait_log(word.strip(), timeout=20)
    assert container.logs() == b"up\nkiss\nup\none\ntwo\n"
