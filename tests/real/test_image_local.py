"""Images of the local Docker and Podman, from engines of this test's own: no daemon of the machine is touched."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.support import docker_bench
from tests.support.image_files import archive, layer_tar, make_layout
from tfnz_jupyter.errors import ImageNotFound
from tfnz_jupyter.server.images import Images
from tfnz_jupyter.server.images.documents import digest_of

TREE = layer_tar(hello=b"hello")
OTHER = layer_tar(hello=b"other")


def ignore(_progress: object) -> None:
    """A report nobody reads."""


@pytest.fixture(scope="module")
def docker():
    """The socket of a dockerd that makes no network and keeps everything in a folder of its own."""
    if shutil.which("dockerd") is None:
        pytest.skip(docker_bench.LACKING)
    options = ("--iptables=false", "--ip6tables=false", "--storage-driver=vfs")
    with docker_bench.dockerd(*options) as started:
        yield started.url


@pytest.fixture
def with_docker(docker, monkeypatch, tmp_path):
    """``load(name, tree)`` puts an image into Docker, which is the only local engine that answers."""
    monkeypatch.setenv("DOCKER_HOST", docker)
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")

    def load(name: str, tree: bytes, created: str = "2020-01-01T00:00:00Z") -> None:
        layout = make_layout(Path(tempfile.mkdtemp(dir=tmp_path)), tree, created=created)
        target = f"docker-daemon:{name}"
        argv = ["skopeo", "--insecure-policy", "copy", "-q", "--dest-daemon-host", docker]
        subprocess.run([*argv, f"oci:{layout}", target], check=True, capture_output=True)

    return load


async def test_an_image_of_the_local_docker_is_taken_before_any_registry(with_docker, tmp_path):
    with_docker("mine:1", TREE)
    heard = []
    found = await Images(tmp_path / "s").ensure("mine:1", heard.append)
    assert (found.source, found.cmd) == ("docker", ("/hello",))
    assert found.layers[0].diff_id == digest_of(TREE)
    assert any(p.text == "from Docker" and p.done for p in heard)


async def test_a_dot_is_the_newest_image_and_follows_it(with_docker, tmp_path):
    images = Images(tmp_path / "s")
    with_docker("first:1", layer_tar(a=b"first"), "2021-01-01T00:00:00Z")
    one = await images.ensure(".", ignore)
    assert await images.ensure(".", ignore) == one
    assert (one.reference, one.source, images.find(".")) == (".", "docker", one)
    with_docker("second:1", layer_tar(a=b"second"), "2022-01-01T00:00:00Z")
    two = await images.ensure(".", ignore)
    assert two.layers[0].diff_id == digest_of(layer_tar(a=b"second"))


async def test_what_docker_does_not_have_is_looked_for_elsewhere(with_docker, tmp_path):
    with pytest.raises(ImageNotFound, match="never-built"):
        await Images(tmp_path / "s").ensure("never-built", ignore)


async def test_a_docker_that_is_not_there_does_not_count(tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(ImageNotFound):
        await Images(tmp_path / "s").ensure("never-built", ignore)


@pytest.fixture
def with_podman(tmp_path, monkeypatch):
    """``load(name, tree)`` puts an image into a Podman store of this test's own."""
    if shutil.which("podman") is None:
        pytest.skip("no podman; apt-get install podman")
    config = tmp_path / "storage.conf"
    roots = {"graphroot": tmp_path / "podman", "runroot": tmp_path / "podman-run"}
    lines = [
        "[storage]",
        'driver = "vfs"',
        *(f"{k} = {json.dumps(str(v))}" for k, v in roots.items()),
    ]
    config.write_text("\n".join(lines))
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(config))
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")

    def load(name: str, tree: bytes) -> None:
        layout = make_layout(Path(tempfile.mkdtemp(dir=tmp_path)), tree)
        file = archive(layout, tmp_path / f"{os.urandom(4).hex()}.tar", "docker-archive")
        subprocess.run(["podman", "load", "-q", "-i", file], check=True, capture_output=True)
        subprocess.run(["podman", "tag", "localhost/test:v1", name], check=False)
        subprocess.run(["podman", "tag", "docker.io/library/test:v1", name], check=False)

    return load


async def test_an_image_of_the_local_podman_is_taken(with_podman, tmp_path):
    with_podman("localhost/mine:1", OTHER)
    images = Images(tmp_path / "s")
    found = await images.ensure("mine:1", ignore)
    assert (found.source, found.layers[0].diff_id) == ("podman", digest_of(OTHER))
    assert (await images.ensure(".", ignore)).id == found.id
