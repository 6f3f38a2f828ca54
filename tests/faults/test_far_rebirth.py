"""A location elsewhere that is killed and started again, as its machine's supervisor would: its sessions find it again."""

import shutil
import signal

from tests.support.eventually import eventually
from tests.support.remote import remote


def test_sessions_go_on_at_a_location_that_was_killed_and_started_again(far, folder):
    home = folder / "r"
    with far.session() as session:
        session.ensure_image_uploaded("busybox")
    shutil.copytree(far.folder / "state" / "images", home / "state" / "images")
    with remote(home) as first:
        session = first.session()
        reader = session.node().spawn_container(
            "busybox", command="while read line; do echo got $line; done; exit 5"
        )
        reader.stdin(b"before\n")
        eventually(lambda: reader.logs() == b"got before\n", within=60)
        web = session.node().spawn_container(
            "busybox", command="echo hello >/index.html; exec httpd -f -p 80 -h /"
        )
        tunnel = web.wait_http_200(path="index.html")
        first.process.send_signal(signal.SIGKILL)
        first.process.wait()
        reader.stdin(b"meanwhile\n")
        with remote(home, port=first.port):
            reader.wait_log("got meanwhile", timeout=60)
            eventually(lambda: reader.logs() == b"got before\ngot meanwhile\n", within=20)
            again = web.wait_http_200(path="index.html", timeout=30)
            assert again is tunnel
            reader.stdin_eof()
            assert reader.wait_exit(timeout=20) == 5
            session.disconnect()
            eventually(
                lambda: not list((home / "state" / "engine" / "containers").iterdir()), within=20
            )
