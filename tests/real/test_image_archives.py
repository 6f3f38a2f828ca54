"""Images from files: every kind, whole and broken."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.image_files import archive, layer_blobs, layer_tar, make_layout, noise
from tfnz_jupyter.errors import EngineFailed, ImageNotFound, NotSupported
from tfnz_jupyter.server.images import Images
from tfnz_jupyter.server.images.documents import TAR, digest_of

TREE = layer_tar(hello=b"hello", noise=noise(200_000))


def ignore(_progress: object) -> None:
    """A report nobody reads."""


def left(folder: Path) -> list[str]:
    """Every file of the store but its two documents."""
    found = [*(folder / "blobs/sha256").iterdir(), *(folder / "tmp").iterdir()]
    return [f.name for f in found]


@pytest.fixture
def images(tmp_path):
    return Images(tmp_path / "store")


@pytest.fixture
def layout(tmp_path):
    return make_layout(tmp_path / "layout", TREE)


@pytest.mark.parametrize("kind", ["none", "gzip", "zstd"])
async def test_a_layout_is_taken_in_as_it_is_compressed(images, tmp_path, kind):
    made = make_layout(tmp_path / "l", TREE, kind=kind)
    found = await images.ensure(str(made), ignore)
    assert found.layers[0].media_type == TAR + ("" if kind == "none" else f"+{kind}")
    assert found.layers[0].diff_id == digest_of(TREE)
    assert (images.blobs / "sha256" / found.layers[0].digest[7:]).stat().st_size == found.layers[
        0
    ].size
    assert (found.source, found.cmd) == ("layout", ("/hello",))


@pytest.mark.parametrize("kind", ["oci-archive", "docker-archive"])
@pytest.mark.parametrize("prefixed", [True, False])
async def test_an_archive_is_taken_in_with_or_without_its_kind(
    images, tmp_path, layout, kind, prefixed
):
    file = archive(layout, tmp_path / "my.tar", kind)
    found = await images.ensure(f"{kind}:{file}" if prefixed else str(file), ignore)
    assert (found.source, found.layers[0].diff_id) == ("archive", digest_of(TREE))
    assert images.find(f"{kind}:{file}" if prefixed else str(file)) == found


async def test_a_path_may_have_a_colon(images, tmp_path):
    made = make_layout(tmp_path / "odd:name", TREE)
    assert (await images.ensure(f"oci:{made}", ignore)).source == "layout"


async def test_one_of_several_images_is_named_after_a_colon(images, layout):
    assert (await images.ensure(f"oci:{layout}:v1", ignore)).cmd == ("/hello",)
    with pytest.raises(EngineFailed):
        await images.ensure(f"oci:{layout}:v2", ignore)


async def test_a_file_that_has_changed_is_read_again(images, layout):
    first = await images.ensure(str(layout), ignore)
    make_layout(layout, TREE, run={"Cmd": ["/other"]})
    assert images.find(str(layout)) is None
    second = await images.ensure(str(layout), ignore)
    assert (first.cmd, second.cmd) == (("/hello",), ("/other",))


async def test_the_exact_configuration_comes_out(images, tmp_path):
    run = {"Entrypoint": ["/e", "x"], "User": "u:g", "WorkingDir": "/w", "Env": ["A=b=c"]}
    run |= {"ExposedPorts": {"80/tcp": {}}, "StopSignal": "SIGINT"}
    found = await images.ensure(str(make_layout(tmp_path / "l", run=run)), ignore)
    assert (found.entrypoint, found.cmd, found.user) == (("/e", "x"), (), "u:g")
    assert (found.working_dir, found.env) == ("/w", (("A", "b=c"),))
    assert (found.ports, found.stop_signal) == ((80,), "SIGINT")


async def test_a_layer_that_does_not_match_its_digest_is_refused(images, layout, tmp_path):
    blob = layer_blobs(layout)[0]
    content = bytearray(blob.read_bytes())
    content[-20] ^= 1
    blob.write_bytes(content)
    with pytest.raises(EngineFailed, match="layout is broken"):
        await images.ensure(str(layout), ignore)
    assert left(tmp_path / "store") == []
    assert images.list() == []


@pytest.mark.parametrize("kind", ["oci-archive", "docker-archive"])
@pytest.mark.parametrize("prefix", [True, False])
async def test_a_truncated_archive_is_refused(images, layout, tmp_path, kind, prefix):
    file = archive(layout, tmp_path / "my.tar", kind)
    os.truncate(file, file.stat().st_size // 2)
    with pytest.raises(EngineFailed, match=r"my\.tar is broken"):
        await images.ensure(f"{kind}:{file}" if prefix else str(file), ignore)
    assert left(tmp_path / "store") == []


@pytest.mark.parametrize("content", [b"", b"no image at all", layer_tar(hello=b"x")])
async def test_a_file_that_is_no_image_is_refused(images, tmp_path, content):
    file = tmp_path / "thing.tar"
    file.write_bytes(content)
    with pytest.raises(EngineFailed, match=r"thing\.tar is .*image"):
        await images.ensure(str(file), ignore)


async def test_a_folder_that_is_no_layout_is_refused(images, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(EngineFailed, match=r"empty .*image"):
        await images.ensure(str(tmp_path / "empty"), ignore)


async def test_an_image_for_another_machine_is_refused(images, tmp_path):
    made = make_layout(tmp_path / "l", TREE, architecture="s390x")
    with pytest.raises(NotSupported, match="s390x"):
        await images.ensure(str(made), ignore)
    assert left(tmp_path / "store") == []


async def test_removing_an_image_frees_its_blobs(images, layout, tmp_path):
    await images.ensure(str(layout), ignore)
    await images.remove(str(layout))
    assert images.list() == []
    assert left(tmp_path / "store") == []
    with pytest.raises(ImageNotFound, match="layout"):
        await images.remove(str(layout))
