"""Images of users who are not the location's own: from where they may come, and that nobody has another's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.eventually import eventually
from tests.support.image_files import (
    LOGIN,
    PASSWORD,
    USER,
    archive,
    copy,
    layer_tar,
    make_layout,
    noise,
    registry,
)
from tests.support.served import Served, serving
from tfnz_jupyter import EngineFailed, Location, NotFound, Refused, UsageError
from tfnz_jupyter.blocking import block
from tfnz_jupyter.errors import TfnzError
from tfnz_jupyter.wire import messages as m


@pytest.fixture(scope="module")
def allowing(images: Path) -> Iterator[Served]:
    """A location whose operator allows registries on its own machine."""
    with serving(images, "--allow-registry", "127.0.0.1") as location:
        yield location


@pytest.fixture
def ada(allowing: Served, name: str) -> Iterator[Location]:
    allowing.join(name)
    with Location(location=name) as session:
        yield session


@pytest.fixture
def bob(allowing: Served, name: str) -> Iterator[Location]:
    allowing.join(f"{name}-b")
    with Location(location=f"{name}-b") as session:
        yield session


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    return make_layout(tmp_path / "layout", layer_tar(a=noise(300_000)), layer_tar(b=b"small"))


def started(folder: Path, **options: str):
    folder.mkdir()
    return registry(folder, **options)


@pytest.mark.parametrize(
    "reference",
    [
        "/etc/passwd",
        "/no/such/file",
        ".",
        "~/x.tar",
        "./x",
        "oci:/etc",
        "docker-archive:/etc/passwd",
    ],
)
def test_no_file_of_the_locations_machine_is_read_or_looked_for(
    served: Served, name: str, reference: str
) -> None:
    served.join(name)
    for verb in (m.EnsureImage, m.FindImage):
        with Location(location=name) as session, pytest.raises(Refused, match="for others"):
            block(session._connection.call(verb(reference)))


@pytest.mark.parametrize(
    "host", ["127.0.0.1:5000", "localhost:5000", "10.0.0.1", "169.254.169.254"]
)
def test_no_registry_that_is_not_on_the_public_internet_is_asked(
    served: Served, name: str, host: str
) -> None:
    served.join(name)
    with Location(location=name) as session, pytest.raises(Refused, match="public") as problem:
        session.ensure_image_uploaded(f"{host}/app:1")
    assert f"--allow-registry {host}" in problem.value.hint


def test_a_new_user_has_no_images_and_what_recipes_make_is_for_all(ada: Location) -> None:
    assert ada.images() == []
    assert ada.node().spawn_container("busybox", command="exit 4").wait_exit(60) == 4
    assert ada.images() == ["busybox"]


def test_a_login_is_for_one_pull_and_what_it_brought_for_its_user_alone(
    ada: Location, bob: Location, layout: Path, tmp_path: Path
) -> None:
    with started(tmp_path / "closed", htpasswd=LOGIN) as host:
        copy(f"oci:{layout}", f"docker://{host}/app:1", "--dest-creds", f"{USER}:{PASSWORD}")
        for session in (ada, bob):
            with pytest.raises(Refused):
                session.ensure_image_uploaded(f"{host}/app:1")
        with pytest.raises(Refused):
            ada.ensure_image_uploaded(f"{host}/app:1", login=(USER, "another"))
        layers = ada.ensure_image_uploaded(f"{host}/app:1", login=(USER, PASSWORD))
        assert ada.ensure_image_uploaded(f"{host}/app:1") == layers  # it is hers now
        with pytest.raises(Refused):
            bob.ensure_image_uploaded(f"{host}/app:1")
        assert bob.images() == []


def test_whose_layer_it_is_decides_who_has_it_and_not_who_knows_its_digest(
    allowing: Served, ada: Location, bob: Location, layout: Path, tmp_path: Path
) -> None:
    with started(tmp_path / "hers") as host:
        copy(f"oci:{layout}", f"docker://{host}/app:1")
        ada.ensure_image_uploaded(f"{host}/app:1")
    with started(tmp_path / "his") as host:
        copy(f"oci:{layout}", f"docker://{host}/stolen:1")
        kept = (tmp_path / "his/blobs").rglob("data")
        max(
            kept, key=lambda file: file.stat().st_size
        ).unlink()  # he names a layer he does not have
        with pytest.raises((EngineFailed, NotFound)):
            bob.ensure_image_uploaded(f"{host}/stolen:1")
    assert bob.images() == []


def test_a_layer_that_two_users_have_is_one_file(
    allowing: Served, ada: Location, bob: Location, layout: Path, tmp_path: Path
) -> None:
    with started(tmp_path / "open") as host:
        copy(f"oci:{layout}", f"docker://{host}/app:1")
        assert ada.ensure_image_uploaded(f"{host}/app:1") == bob.ensure_image_uploaded(
            f"{host}/app:1"
        )
    users = [session.user_pk.hex() for session in (ada, bob)]
    hers, his = (files_of(allowing.home / "state/images-of" / user) for user in users)
    assert len(hers) >= 4
    assert hers == his


def files_of(store: Path) -> dict[str, int]:
    """The blobs of a store, and which file each is."""
    return {file.name: file.stat().st_ino for file in (store / "blobs/sha256").iterdir()}


def test_an_image_nobody_has_is_not_found_whoever_asks(ada: Location) -> None:
    with pytest.raises(TfnzError) as problem:
        ada.ensure_image_uploaded("no-such-image-anywhere:1")
    assert isinstance(problem.value, NotFound)


@pytest.mark.parametrize("kind", ["oci-archive", "docker-archive", "layout"])
def test_an_image_in_a_file_of_the_clients_machine_is_uploaded(
    ada: Location, layout: Path, tmp_path: Path, kind: str
) -> None:
    file = layout if kind == "layout" else archive(layout, tmp_path / "app.tar", kind)
    told = []
    layers = ada.ensure_image_uploaded(str(file), progress=lambda news: told.append(news.step))
    assert len(layers) == 2
    eventually(lambda: "upload" in told, within=5)
    (name,) = ada.images()
    assert name.startswith("uploaded/")
    again = []
    assert ada.ensure_image_uploaded(str(file), progress=again.append) == layers
    assert not [news for news in again if news.text == "from you"]


def test_spawning_uploads_what_is_not_there_yet(ada: Location, tmp_path: Path) -> None:
    file = tmp_path / "tiny.tar"
    file.write_bytes(b"no image at all")
    with pytest.raises(EngineFailed):
        ada.node().spawn_container(str(file)).wait_until_ready(60)
    with pytest.raises(UsageError, match="missing"):
        ada.node().spawn_container(str(tmp_path / "missing.tar")).wait_until_ready(60)
    assert ada.images() == []


def test_a_broken_archive_is_refused_and_nothing_of_it_is_kept(
    allowing: Served, ada: Location, layout: Path, tmp_path: Path
) -> None:
    whole = archive(layout, tmp_path / "app.tar", "oci-archive").read_bytes()
    cut = tmp_path / "cut.tar"
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(EngineFailed):
        ada.ensure_image_uploaded(str(cut))
    assert ada.images() == []
    store = allowing.home / "state/images-of" / ada.user_pk.hex()
    eventually(lambda: not list((store / "blobs/sha256").iterdir()), within=10)
    assert not list((store / "tmp").iterdir())


def test_what_the_local_engine_has_is_uploaded_under_its_name(
    ada: Location, layout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = archive(layout, tmp_path / "app.tar", "docker-archive")
    fake = tmp_path / "bin" / "docker"  # stands for its command line alone, not for containers
    fake.parent.mkdir()
    fake.write_text(f"""#!/bin/sh
case "$1 $2" in
"image ls") echo sha256:{"7" * 64} ;;
"image inspect") [ "$5" = here/app:1 ] && echo sha256:{"7" * 64} ;;
save*) cat {file} ;;
esac
""")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    layers = ada.ensure_image_uploaded("here/app:1")
    assert ada.images() == ["here/app:1"]
    assert ada.ensure_image_uploaded(".") == layers
