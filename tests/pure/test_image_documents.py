"""Manifests and configurations: what is read from them, and what is refused."""

from __future__ import annotations

import pytest

from tfnz_jupyter.engines.base import ImageInfo, Layer
from tfnz_jupyter.errors import EngineFailed, NotSupported
from tfnz_jupyter.server.images.documents import (
    MANIFEST,
    TAR,
    check_manifest,
    check_platform,
    choose_instance,
    image_info,
)

AMD = ("amd64", "")
ARM = ("arm64", "v8")


def manifest(*kinds: str) -> dict:
    layers = [{"mediaType": k, "digest": f"sha256:{i}", "size": i} for i, k in enumerate(kinds)]
    return {"schemaVersion": 2, "config": {"digest": "sha256:c"}, "layers": layers}


def index(*platforms: str) -> dict:
    entries = []
    for text in platforms:
        parts = dict(zip(("os", "architecture", "variant"), text.split("/"), strict=False))
        entries.append({"digest": f"digest of {text}", "platform": parts, "mediaType": MANIFEST})
    return {"schemaVersion": 2, "manifests": entries}


def test_an_image_info_has_what_the_configuration_says():
    run = {
        "Entrypoint": ["/e"],
        "Cmd": ["a", "b c"],
        "Env": ["PATH=/bin", "EMPTY=", "EQ=a=b"],
        "WorkingDir": "/w",
        "User": "1:2",
        "ExposedPorts": {"443/tcp": {}, "80/tcp": {}, "53/udp": {}, "90-92": {}},
        "StopSignal": "3",
    }
    config = {"config": run, "rootfs": {"diff_ids": ["sha256:d"]}}
    assert image_info("r", manifest(TAR), config, "registry") == ImageInfo(
        reference="r",
        id="sha256:c",
        layers=(Layer("sha256:0", "sha256:d", 0, TAR),),
        entrypoint=("/e",),
        cmd=("a", "b c"),
        env=(("PATH", "/bin"), ("EMPTY", ""), ("EQ", "a=b")),
        working_dir="/w",
        user="1:2",
        ports=(80, 90, 91, 92, 443),
        stop_signal="SIGQUIT",
        source="registry",
    )


def test_an_empty_configuration_gives_the_defaults():
    empty = {"config": None, "rootfs": {"type": "layers", "diff_ids": None}}
    assert image_info("r", manifest(), empty, "") == ImageInfo("r", "sha256:c", ())


def test_diff_ids_that_do_not_fit_the_layers_are_an_error():
    with pytest.raises(ValueError, match="1 layers, but 0 diff ids"):
        image_info("r", manifest(TAR), {"rootfs": {"diff_ids": []}}, "")


@pytest.mark.parametrize(
    "kind",
    [
        TAR,
        TAR + "+gzip",
        TAR + "+zstd",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "application/vnd.docker.image.rootfs.diff.tar",
    ],
)
def test_the_usual_kinds_of_layers_are_taken(kind):
    assert check_manifest("r", manifest(kind))


def test_an_unknown_kind_of_layer_is_refused_naming_it():
    with pytest.raises(NotSupported, match="helm"):
        check_manifest("r", manifest("application/vnd.cncf.helm.chart"))


def test_schema_1_is_refused():
    with pytest.raises(NotSupported, match="schema 1"):
        check_manifest("r", {"schemaVersion": 1, "fsLayers": []})


def test_what_is_no_manifest_is_refused():
    with pytest.raises(EngineFailed, match="not of an image"):
        check_manifest("r", {"hello": 1})


def test_the_instance_for_this_machine_is_chosen_out_of_an_index():
    offered = index("linux/arm64/v8", "linux/amd64", "windows/amd64", "unknown/unknown")
    assert choose_instance("r", offered, AMD) == "digest of linux/amd64"
    assert choose_instance("r", offered, ARM) == "digest of linux/arm64/v8"


def test_the_right_variant_is_preferred():
    assert choose_instance("r", index("linux/arm64/v9", "linux/arm64/v8"), ARM).endswith("v8")


def test_an_index_without_this_machine_is_refused_listing_what_there_is():
    with pytest.raises(NotSupported, match=r"linux/amd64\).*linux/s390x, windows/amd64"):
        choose_instance("r", index("linux/s390x", "windows/amd64", "unknown/unknown"), AMD)


def test_an_image_for_another_machine_is_refused_naming_both():
    with pytest.raises(NotSupported, match=r"linux/arm64; this machine is linux/amd64"):
        check_platform("r", {"os": "linux", "architecture": "arm64"}, AMD)
