"""Images for a cluster: which it fetches by itself, and what is pushed."""

from __future__ import annotations

import hashlib
import json

import pytest

from tfnz_jupyter.engines.base import ImageInfo, Layer
from tfnz_jupyter.engines.kubernetes import image_documents as documents
from tfnz_jupyter.engines.kubernetes.images import Images
from tfnz_jupyter.engines.kubernetes.registry import Registry
from tfnz_jupyter.errors import NotSupported, UsageError

GZIP = "application/vnd.docker.image.rootfs.diff.tar.gzip"
IMAGE = ImageInfo(
    "app", "sha256:1", (Layer("sha256:a", "sha256:b", 9, GZIP),), env=(("A", "1"),), source="recipe"
)


@pytest.mark.parametrize(
    ("text", "place", "plain"),
    [
        ("http://10.0.0.1:5000", "10.0.0.1:5000", True),
        ("registry.example.org/team/", "registry.example.org/team", False),
        ("https://[::1]:5000", "[::1]:5000", False),
    ],
)
def test_a_registry_is_a_place_and_perhaps_plain(text, place, plain):
    assert Registry.parse(text) == Registry(place, plain)


@pytest.mark.parametrize("text", ["ftp://x", "a b", "x:port", "http://"])
def test_what_is_no_registry_is_refused_by_name(text):
    with pytest.raises(UsageError, match="registry"):
        Registry.parse(text)


def test_the_documents_of_an_image_fit_each_other_and_are_the_same_each_time():
    manifest = json.loads(documents.manifest(IMAGE))
    config = documents.config(IMAGE)
    assert manifest["config"]["digest"] == "sha256:" + hashlib.sha256(config).hexdigest()
    assert manifest["layers"][0]["mediaType"] == "application/vnd.oci.image.layer.v1.tar+gzip"
    assert json.loads(config)["config"]["Env"] == ["A=1"]
    assert documents.manifest_digest(IMAGE) == documents.manifest_digest(IMAGE)


async def test_without_a_registry_an_image_of_this_machine_alone_has_no_way_to_the_nodes(tmp_path):
    with pytest.raises(NotSupported, match="app") as problem:
        await Images().install(IMAGE, tmp_path, print)
    assert "--registry" in problem.value.hint


async def test_with_a_registry_of_its_own_the_cluster_is_asked_for_nothing_else():
    images = Images("registry.example.org/team")
    assert await images.find("nginx") is None
    assert images.pulled(IMAGE).startswith("registry.example.org/team/tfnz@sha256:")


async def test_the_newest_local_build_is_never_the_clusters():
    assert await Images().find(".") is None
