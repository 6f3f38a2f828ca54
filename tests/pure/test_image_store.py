"""The store on disk: what survives, what is cleared, and that nothing half done is ever an image."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from tfnz_jupyter.server.images.documents import CONFIG, MANIFEST, TAR, canonical, digest_of
from tfnz_jupyter.server.images.store import Store


def put(store: Store, key: str, content: bytes = b"layer", stamp: str = "") -> str:
    """An image of one layer; gives the layer's digest."""
    layer = store.add_blob(content, TAR)
    config = {"architecture": "amd64", "os": "linux", "rootfs": {"diff_ids": [layer["digest"]]}}
    manifest = {"config": store.add_blob(canonical(config), CONFIG), "layers": [layer]}
    store.put(key, store.add_blob(canonical(manifest), MANIFEST), "archive", stamp)
    return layer["digest"]


def blobs(folder: Path) -> int:
    return len(list((folder / "blobs/sha256").iterdir()))


def test_an_image_survives_the_process(tmp_path):
    digest = put(Store(tmp_path), "k")
    found = Store(tmp_path).get("k", "ref")
    assert found is not None
    assert (found.reference, found.source, found.layers[0].digest) == ("ref", "archive", digest)


def test_the_folder_is_an_oci_layout_and_private(tmp_path):
    put(Store(tmp_path / "s"), "k")
    assert json.loads((tmp_path / "s/oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    index = json.loads((tmp_path / "s/index.json").read_text())
    names = [m["annotations"]["org.opencontainers.image.ref.name"] for m in index["manifests"]]
    assert names == ["k"]
    assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o700


def test_what_a_dead_process_left_is_cleared(tmp_path):
    store = Store(tmp_path)
    put(store, "k")
    kept = blobs(tmp_path)
    store.add_blob(b"nobody's", TAR)
    (store.temporary / "half").mkdir()
    (store.temporary / "half/layer").write_bytes(b"x")
    again = Store(tmp_path)
    assert blobs(tmp_path) == kept
    assert list(again.temporary.iterdir()) == []


def test_a_shared_layer_stays_until_the_last_image_goes(tmp_path):
    store = Store(tmp_path)
    digest = put(store, "a")
    put(store, "b")
    store.drop("a")
    store.sweep()
    assert store.blob(digest).exists()
    store.drop("b")
    store.sweep()
    assert blobs(tmp_path) == 0


def test_an_image_that_has_lost_a_layer_is_not_there(tmp_path):
    store = Store(tmp_path)
    digest = put(store, "k")
    store.blob(digest).unlink()
    assert store.get("k", "k") is None
    assert Store(tmp_path).all() == []


def test_an_image_with_a_damaged_manifest_is_not_there(tmp_path):
    store = Store(tmp_path)
    put(store, "k")
    index = json.loads((tmp_path / "index.json").read_text())
    store.blob(index["manifests"][0]["digest"]).write_bytes(b"{}")
    assert store.get("k", "k") is None


def test_a_damaged_index_loses_the_images_and_nothing_else(tmp_path, caplog):
    put(Store(tmp_path), "k")
    (tmp_path / "index.json").write_text("{")
    assert Store(tmp_path).all() == []
    assert "index.json is damaged" in caplog.text


def test_a_stamp_tells_whether_the_source_has_changed(tmp_path):
    store = Store(tmp_path)
    put(store, "k", stamp="now")
    assert store.get("k", "k", "now") is not None
    assert store.get("k", "k", "later") is None
    assert store.get("k", "k") is not None


async def test_a_finished_file_becomes_a_blob_by_rename(tmp_path):
    store = Store(tmp_path)
    async with store.scratch() as scratch:
        (scratch / "layer").write_bytes(b"content")
        store.adopt(scratch / "layer", digest_of(b"content"))
    assert store.blob(digest_of(b"content")).read_bytes() == b"content"
    assert list(store.temporary.iterdir()) == []


def test_an_index_that_cannot_be_written_stays_as_it_was(tmp_path, monkeypatch):
    store = Store(tmp_path)
    put(store, "a")

    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        put(store, "b")
    monkeypatch.undo()
    assert [key for key, _ in Store(tmp_path).all()] == ["a"]
