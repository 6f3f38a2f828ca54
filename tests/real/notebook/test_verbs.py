"""Every verb of %tf that says what it did, in a real kernel, on real containers."""

from __future__ import annotations

import pytest

VISIT = """
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

def visit():
    door = f"http://127.0.0.1:{urlsplit(at).port or 80}/"
    request = Request(door, headers={"Host": "verbs.localhost"})
    return urlopen(request).read().decode().strip()
"""
FOREVER = "sh -c 'echo up; sleep 1000'"


@pytest.fixture(scope="module")
def box(kernel):
    kernel.ok(f"%tf spawn busybox --name verbed --wait ready {FOREVER}")
    return kernel


@pytest.fixture
def volume(kernel):
    """The name of a volume that is there."""
    kernel.ok("%tf volume create verbs-volume")
    yield "verbs-volume"
    kernel.ok("%tf volume rm verbs-volume")


def test_files_go_in_and_come_out_again(box, tmp_path):
    (tmp_path / "a.txt").write_text("hello\n")
    put = box.ok(f"%tf put verbed {tmp_path}/a.txt /srv/")
    assert put.text == f"{tmp_path}/a.txt is /srv/a.txt in verbed.\n"
    assert box.ok("%tf exec verbed cat /srv/a.txt").text == "hello\n"
    got = box.ok(f"%tf get verbed /srv/a.txt {tmp_path}/b.txt")
    assert got.text == f"/srv/a.txt of verbed is {tmp_path}/b.txt.\n"
    assert (tmp_path / "b.txt").read_text() == "hello\n"


def test_a_file_that_is_not_here_is_named(box):
    error = box.run("%tf put verbed /no/such /srv").error
    assert (error["ename"], error["evalue"].splitlines()[0]) == (
        "NotFound",
        "there is no file /no/such",
    )


def test_a_cell_becomes_a_file(box):
    assert "has 2 lines" in box.ok("%%tf put verbed /etc/motd\none\ntwo\n").text
    assert box.ok("%tf exec verbed cat /etc/motd").text == "one\ntwo\n"


def test_a_cell_becomes_a_file_of_a_container_before_it_boots(kernel):
    ran = kernel.ok(
        "%%tf spawn busybox --name early -f -:/words --wait log:hi cat /words\nhi there\n"
    )
    assert len(ran.shown) == 1
    assert kernel.ok("early.logs()").shown[0]["text/plain"] == "b'hi there\\n'"


def test_a_sleeper_is_started_and_a_container_reboots(kernel):
    kernel.ok(f"%tf spawn busybox --name dozer --sleep {FOREVER}")
    assert kernel.ok("dozer.logs()").shown[0]["text/plain"] == "b''"
    assert kernel.ok("%tf start dozer").text == "dozer runs its command.\n"
    kernel.ok("dozer.wait_log('up')")
    kernel.ok("%tf exec dozer touch /there")
    assert kernel.ok("%tf reboot dozer").text == "dozer runs again.\n"
    kernel.ok("%tf exec dozer ls /there")
    kernel.ok("%tf reboot dozer --reset")
    assert kernel.run("%tf exec dozer ls /there").error["ename"] == "CommandFailed"


def test_a_volume_is_mounted_kept_and_rolled_back(kernel, volume):
    kernel.ok(f"%tf spawn busybox --name keeper -v {volume}:/kept --wait ready {FOREVER}")
    kernel.ok("%tf exec keeper sh -c 'echo first > /kept/note'")
    assert "rolled back" in kernel.ok(f"%tf volume snapshot {volume}").text
    kernel.ok("%tf exec keeper sh -c 'echo second > /kept/note'")
    kernel.ok(f"%tf volume rollback {volume}")
    assert kernel.ok("%tf exec keeper cat /kept/note").text == "first\n"
    assert volume in kernel.ok("%tf volume ls").text.splitlines()
    assert kernel.run(f"%tf volume rm {volume}").status == "error"
    kernel.ok("%tf rm keeper")


def test_a_way_from_container_to_container_is_opened_and_closed(box):
    box.ok("%tf spawn busybox --name asker --wait ready sleep 1000")
    box.ok("%tf spawn busybox --name server --wait tcp:7 nc -ll -p 7 -e cat")
    ask = "asker.run_process(['timeout', '2', 'nc', server.ip, '7', '-e', 'true'])[2]"
    assert "may connect" in box.ok("%tf allow server asker").text
    assert box.ok(ask).shown[0]["text/plain"] == "0"
    box.ok("%tf deny server asker")
    assert box.ok(ask).shown[0]["text/plain"] != "0"
    box.ok("%tf rm asker server")


def test_an_ssh_server_prints_the_line_that_logs_in(box):
    line = box.ok("%tf ssh verbed").text
    assert line.startswith("ssh ")
    assert "root@127.0.0.1" in line


def test_a_name_is_published_exchanged_and_taken_back(kernel):
    for name in ("one", "two"):
        kernel.ok(
            f"%%tf spawn nginx --name pub{name} -f -:/usr/share/nginx/html/index.html --wait http:80\n{name}"
        )
    url = kernel.ok("%tf publish verbs.localhost pubone").text.strip()
    assert url.startswith("http://verbs.localhost")
    kernel.ok(f"at = {url!r}\n{VISIT}")
    assert kernel.ok("visit()").shown[0]["text/plain"] == "'one'"
    kernel.ok("%tf publish verbs.localhost pubtwo")
    assert kernel.ok("visit()").shown[0]["text/plain"] == "'two'"
    assert "published no more" in kernel.ok("%tf unpublish verbs.localhost").text
    assert "has not published" in kernel.run("%tf unpublish verbs.localhost").error["evalue"]
    kernel.ok("%tf rm pubone pubtwo")


def test_images_are_listed_and_pulled(box):
    assert "busybox is ready" in box.ok("%tf image pull busybox").text
    assert "busybox" in box.ok("%tf image ls").text.splitlines()


def test_a_container_of_another_session_is_found_by_its_tag(kernel):
    kernel.ok(
        "from tfnz_jupyter import Location\nother = Location()\n"
        "there = other.node().spawn_container('busybox', command='sleep 1000', tag='verbs-tagged')\n"
        "there.wait_until_ready()\n%tf connect"
    )
    kernel.ok("here = Location()")
    assert kernel.ok("%tf exec verbs-tagged echo found").text == "found\n"
    kernel.ok("other.disconnect(); here.disconnect()")


def test_volumes_and_names_complete(kernel, volume):
    assert volume in kernel.complete("%tf volume rm verbs")
    assert kernel.complete("%tf volume snap") == ["snapshot"]
    assert kernel.complete("%%tf ex") == ["exec"]


def test_paths_inside_a_container_complete(box):
    box.ok("verbed.put('/srv/deep/file.txt', b''); verbed.put('/srv/deed', b'')")
    assert sorted(box.complete("%tf get verbed /srv/dee")) == ["/srv/deed", "/srv/deep/"]
    assert box.complete("%tf get verbed /srv/deep/") == ["/srv/deep/file.txt"]


def test_a_spawned_command_can_have_a_terminal_on_the_page(kernel):
    ran = kernel.ok("typed = %tf spawn -it busybox sh -c 'tty; read line; echo got $line'")
    (shown,) = ran.shown
    assert "tfnz" in shown["text/html"]
    kernel.ok("typed.stdin(b'a word\\n')\ntyped.wait_exit(timeout=60)")
    assert "/dev/pts/0" in kernel.ok("print(typed.logs().decode())").text
    assert "got a word" in kernel.ok("print(typed.logs().decode())").text
