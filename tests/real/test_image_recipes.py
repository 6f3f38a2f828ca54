"""Every recipe built from Debian packages, and what it makes really run: served, asked, stopped."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.support.eventually import eventually
from tests.support.image_room import ran, room
from tfnz_jupyter.engines.base import Progress
from tfnz_jupyter.errors import ImageNotFound
from tfnz_jupyter.server.images import Images

SECRET = "s'e c"


def ignore(_progress: object) -> None:
    """A report nobody reads."""


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """One store with one package cache; the names are built as if no registry answered."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("https_proxy", "http://127.0.0.1:9")  # nobody listens on the discard port
        yield Images(tmp_path_factory.mktemp("store"))


@pytest.fixture
def built(images):
    """The image of a recipe, built once for all tests of this file."""
    return lambda name: asyncio.run(images.ensure(name, ignore))


def test_nginx_serves_its_page_and_logs_to_its_outputs(images, built):
    with room(built("nginx"), images.blobs) as here:
        assert "<title>Welcome to nginx!</title>" in here.answers("wget", "-qO-", "127.0.0.1")
        here.run("wget", "-qO-", "127.0.0.1/none")
        eventually(lambda: '"GET / HTTP/1.1" 200' in here.out and "/none" in here.err, 5)
        assert here.stop("QUIT") == 0


def test_nginx_says_what_it_is(images, built):
    image = built("nginx")
    assert (image.source, image.ports, image.stop_signal) == ("recipe", (80,), "SIGQUIT")
    assert image.cmd == ("nginx", "-g", "daemon off;")
    code, out, _ = ran(image, images.blobs, "sh", "-c", "nginx -t; ls -d /etc/nginx/conf.d /tmp")
    assert (code, out) == (0, "/etc/nginx/conf.d\n/tmp\n")


def test_nginx_is_built_in_seconds_and_tells_how_far_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    heard: list[Progress] = []
    began = time.monotonic()
    asyncio.run(Images(tmp_path).ensure("nginx", heard.append))
    assert time.monotonic() - began < 30, "it is promised in well under 15 s on a good mirror"
    steps = [p for p in heard if p.step == "build"]
    assert any(p.text.startswith("Fetching nginx") for p in steps)
    assert any(p.text.startswith("Unpacking nginx") for p in steps)
    assert steps[-1].done == steps[-1].total


def test_the_same_recipe_makes_the_same_image(images, built):
    first = built("busybox")
    asyncio.run(images.remove("busybox"))
    assert built("busybox").id == first.id


def test_a_tag_of_another_version_is_refused_telling_which_there_is(images):
    with pytest.raises(ImageNotFound, match=r"recipe for nginx makes version \d"):
        asyncio.run(images.ensure("nginx:0.1", ignore))


def test_busybox_has_a_shell_and_the_usual_tools(images, built):
    script = "for t in ls awk vi wget tar; do command -v $t; done; id -un; touch /tmp/x; echo done"
    code, out, err = ran(built("busybox"), images.blobs, "sh", "-c", script)
    assert (code, out.split()[-2:], len(out.split()), err) == (0, ["root", "done"], 7, "")


def test_python_runs_with_its_libraries_and_certificates(images, built):
    program = (
        "import ssl, sqlite3, lzma, ctypes, hashlib, readline, sys;"
        "print(len(ssl.create_default_context().get_ca_certs()) > 50, sys.getfilesystemencoding())"
    )
    for name in ("python", "python3"):
        assert ran(built("python"), images.blobs, name, "-c", program)[:2] == (0, "True utf-8\n")


def test_python_has_pip_that_may_install(images, built):
    script = "pip install --no-index nothing-of-that-name"
    code, _, err = ran(built("python"), images.blobs, "sh", "-c", script)
    assert code == 1
    assert "externally-managed" not in err
    assert "No matching distribution" in err


def test_redis_answers_from_outside_and_keeps_its_data(images, built):
    with room(built("redis"), images.blobs) as here:
        assert here.answers("redis-cli", "ping") == "PONG\n"
        assert here.run("redis-cli", "config", "get", "protected-mode").stdout.split()[1] == "no"
        assert here.run("redis-cli", "save").stdout == "OK\n"
        owner = here.run("stat", "-c", "%U", "/data/dump.rdb", "/proc/1").stdout.split()
        assert owner == ["redis", "redis"]
        assert here.stop("TERM") == 0


def test_redis_takes_options(images, built):
    with room(built("redis"), images.blobs, "--port", "7000") as here:
        assert here.answers("redis-cli", "-p", "7000", "ping") == "PONG\n"


def test_postgres_makes_the_user_and_the_database_and_runs_the_scripts(images, built):
    env = {"POSTGRES_PASSWORD": SECRET, "POSTGRES_USER": "me", "POSTGRES_DB": 'a"pp'}
    scripts = "/docker-entrypoint-initdb.d"
    files = {
        f"{scripts}/1.sql": "create table t(a text); insert into t values('é');",
        f"{scripts}/2.sh": 'psql -U me -d "$POSTGRES_DB" -c "insert into t values(\'two\')"',
    }
    with room(built("postgres"), images.blobs, env=env, files=files) as here:
        ask = ["psql", "-h127.0.0.1", "-Ume", '-da"pp', "-Atc", "select upper(a) from t; show port"]
        told = here.answers("env", f"PGPASSWORD={SECRET}", *ask)
        assert told.split() == ["É", "TWO", "5432"]
        assert here.run("stat", "-c", "%U", "/proc/1").stdout == "postgres\n"
        assert here.stop("INT") == 0
        assert "ready to accept connections" in here.err


def test_postgres_reads_its_secrets_from_files(images, built):
    env = {"POSTGRES_PASSWORD_FILE": "/run/secret", "POSTGRES_INITDB_ARGS": "--data-checksums"}
    with room(
        built("postgres"), images.blobs, env=env, files={"/run/secret": f"{SECRET}\n"}
    ) as here:
        url = "host=127.0.0.1 user=postgres"
        told = here.answers(
            "env", f"PGPASSWORD={SECRET}", "psql", url, "-Atc", "show data_checksums"
        )
        assert told == "on\n"


def test_postgres_lets_nobody_in_without_the_password(images, built):
    env = {"POSTGRES_PASSWORD": SECRET}
    with room(built("postgres"), images.blobs, env=env) as here:
        here.answers("pg_isready", "-h", "127.0.0.1")
        # Loopback inside is trusted, as in the official image; an address of its own is not.
        rules = here.run("cat", "/var/lib/postgresql/data/pg_hba.conf").stdout.splitlines()
        assert rules[-1].split() == ["host", "all", "all", "all", "scram-sha-256"]


@pytest.mark.parametrize(
    ("env", "told"),
    [
        ({}, "has no password"),
        ({"POSTGRES_PASSWORD": "a", "POSTGRES_PASSWORD_FILE": "/b"}, "are both set"),
        ({"POSTGRES_PASSWORD_FILE": "/none"}, "cannot read /none"),
    ],
)
def test_postgres_refuses_to_start_without_a_password(images, built, env, told):
    code, _, err = ran(built("postgres"), images.blobs, env=env)
    assert code == 1
    assert told in err


@pytest.mark.timeout(300)  # half a minute on an idle machine
def test_debian_is_a_real_base_with_apt_and_bash(images, built):
    script = "set -e; apt-get --version | head -1; dpkg -s apt | grep Status; test -d /etc/apt; getent passwd www-data"
    code, out, _ = ran(built("debian"), images.blobs, "bash", "-c", script)
    assert code == 0
    assert "install ok installed" in out
    assert out.startswith("apt ")
