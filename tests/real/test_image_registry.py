"""Images from a registry on loopback: Debian's docker-registry, pushed to by skopeo."""

from __future__ import annotations

import asyncio
import json
import subprocess
import urllib.request
from pathlib import Path

import pytest

from tests.support.image_files import copy, layer_tar, make_layout, noise, registry
from tfnz_jupyter.engines.base import Progress
from tfnz_jupyter.errors import EngineFailed, ImageNotFound, NotSupported, Refused
from tfnz_jupyter.server.images import Images
from tfnz_jupyter.server.images.documents import MANIFEST, digest_of, this_machine

SIZE = 3_000_000
TREES = (layer_tar(a=noise(SIZE)), layer_tar(b=b"small"))

DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"


def ignore(_progress: object) -> None:
    """A report nobody reads."""


@pytest.fixture(scope="module")
def layout(tmp_path_factory):
    return make_layout(tmp_path_factory.mktemp("layout"), *TREES)


@pytest.fixture(scope="module")
def host(tmp_path_factory, layout):
    with registry(tmp_path_factory.mktemp("registry")) as where:
        copy(f"oci:{layout}", f"docker://{where}/app:1")
        copy(f"oci:{layout}", f"docker://{where}/old:1", "--format", "v2s2")
        yield where


@pytest.fixture
def images(tmp_path):
    return Images(tmp_path / "store")


def manifest_of(host: str, name: str, tag: str) -> tuple[bytes, str]:
    """(content, media type)."""
    url = f"http://{host}/v2/{name}/manifests/{tag}"
    with urllib.request.urlopen(
        urllib.request.Request(url, headers={"Accept": MANIFEST})
    ) as answer:
        return answer.read(), answer.headers["Content-Type"]


def put_index(host: str, tag: str, architecture: str) -> None:
    """Put an index at ``app:tag`` that says ``app:1`` is for that architecture."""
    content, kind = manifest_of(host, "app", "1")
    entry = {"digest": digest_of(content), "size": len(content), "mediaType": kind}
    entry["platform"] = {"os": "linux", "architecture": architecture}
    index = {"schemaVersion": 2, "mediaType": DOCKER_LIST, "manifests": [entry]}
    url = f"http://{host}/v2/app/manifests/{tag}"
    headers = {"Content-Type": DOCKER_LIST}
    asked = urllib.request.Request(url, json.dumps(index).encode(), headers, method="PUT")
    urllib.request.urlopen(asked).close()


@pytest.mark.parametrize("name", ["app:1", "old:1"])
async def test_an_image_is_pulled_whichever_manifest_it_has(images, host, name):
    found = await images.ensure(f"{host}/{name}", ignore)
    assert [layer.diff_id for layer in found.layers] == [digest_of(tree) for tree in TREES]
    assert (found.source, found.cmd, found.reference) == ("registry", ("/hello",), f"{host}/{name}")


async def test_what_is_in_the_store_is_not_asked_for_again(images, tmp_path, layout):
    (tmp_path / "registry").mkdir()
    with registry(tmp_path / "registry") as where:
        copy(f"oci:{layout}", f"docker://{where}/app:1")
        first = await images.ensure(f"{where}/app:1", ignore)
    assert await images.ensure(f"{where}/app:1", ignore) == first  # the registry is gone
    assert images.find(f"{where}/app:1") == first


async def test_an_image_is_pulled_by_its_digest(images, host):
    digest = digest_of(manifest_of(host, "app", "1")[0])
    assert (await images.ensure(f"{host}/app@{digest}", ignore)).cmd == ("/hello",)


async def test_progress_counts_the_bytes_of_the_layers(images, host):
    heard: list[Progress] = []
    found = await images.ensure(f"{host}/app:1", heard.append)
    total = sum(layer.size for layer in found.layers)
    pulled = [p for p in heard if p.step == "pull"]
    assert heard[0].step == "resolve"
    assert (pulled[-1].done, {p.total for p in pulled}) == (total, {total})


async def test_layers_that_are_there_count_as_done_and_are_not_fetched(images, host):
    await images.ensure(f"{host}/app:1", ignore)
    heard: list[Progress] = []
    await images.ensure(f"{host}/old:1", heard.append)
    assert all(p.done == p.total for p in heard if p.step == "pull")


async def test_an_index_gives_the_image_for_this_machine(images, host):
    put_index(host, "multi", this_machine()[0])
    assert (await images.ensure(f"{host}/app:multi", ignore)).cmd == ("/hello",)


async def test_an_index_without_this_machine_is_refused(images, host):
    put_index(host, "other", "s390x")
    with pytest.raises(NotSupported, match="there is linux/s390x"):
        await images.ensure(f"{host}/app:other", ignore)


async def test_an_image_for_another_machine_is_refused_before_its_layers_come(
    images, host, tmp_path
):
    copy(f"oci:{make_layout(tmp_path / 'l', architecture='s390x')}", f"docker://{host}/alien:1")
    heard: list[Progress] = []
    with pytest.raises(NotSupported, match="s390x"):
        await images.ensure(f"{host}/alien:1", heard.append)
    assert {p.step for p in heard} == {"resolve"}


@pytest.mark.parametrize("name", ["none", "app:none", f"app@sha256:{'0' * 64}"])
async def test_what_the_registry_does_not_have_is_not_found(images, host, name):
    with pytest.raises(ImageNotFound, match="has no image"):
        await images.ensure(f"{host}/{name}", ignore)


async def test_a_registry_that_wants_a_login_says_so(images, tmp_path):
    (tmp_path / "registry").mkdir()
    nobody = "u:$2y$05$abcdefghijklmnopqrstuuJ1Q1Q1Q1Q1Q1Q1Q1Q1Q1Q1Q1Q1Q1Q1Q"
    with registry(tmp_path / "registry", htpasswd=nobody) as where:
        with pytest.raises(Refused) as caught:
            await images.ensure(f"{where}/app", ignore)
        assert f"skopeo login {where}" in caught.value.hint


async def test_two_who_ask_at_once_share_one_pull(images, host):
    told: list[list[Progress]] = [[], []]
    both = await asyncio.gather(*(images.ensure(f"{host}/app:1", one.append) for one in told))
    assert both[0] == both[1]
    assert [p for p in told[0] if p.step == "pull"][-1] == told[1][-1]


async def test_a_layer_that_rots_in_the_registry_is_refused(tmp_path, layout):
    (tmp_path / "registry").mkdir()
    images = Images(tmp_path / "store")
    with registry(tmp_path / "registry") as where:
        copy(f"oci:{layout}", f"docker://{where}/app:1")
        found = (tmp_path / "registry/blobs").rglob("data")
        largest = max(found, key=lambda file: file.stat().st_size)
        content = bytearray(largest.read_bytes())
        content[SIZE // 2] ^= 1
        largest.write_bytes(content)
        with pytest.raises(EngineFailed, match="broken at"):
            await images.ensure(f"{where}/app:1", ignore)
    assert list((tmp_path / "store/blobs/sha256").iterdir()) == []


async def test_cancelling_the_only_one_leaves_nothing(tmp_path, host):
    images, started = Images(tmp_path / "store"), asyncio.Event()

    def heard(progress: Progress) -> None:
        if progress.step == "resolve" and "asking" in progress.text:
            started.set()

    asked = asyncio.create_task(images.ensure(f"{host}/app:1", heard))
    await started.wait()
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert files_below(tmp_path / "store") == {"oci-layout", "index.json"}
    assert (await images.ensure(f"{host}/app:1", ignore)).cmd == ("/hello",)


def files_below(folder: Path) -> set[str]:
    return {str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file()}


def test_the_store_is_a_layout_that_skopeo_reads(tmp_path, host):
    found = asyncio.run(Images(tmp_path / "store").ensure(f"{host}/app:1", ignore))
    said = subprocess.run(
        ["skopeo", "inspect", "--config", "--raw", f"oci:{tmp_path}/store:{host}/app:1"],
        capture_output=True,
        check=True,
    )
    assert json.loads(said.stdout)["rootfs"]["diff_ids"] == [x.diff_id for x in found.layers]
