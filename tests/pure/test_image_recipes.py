"""Recipes as data, and the layer that is written from packages: nothing is run, nothing fetched."""

from __future__ import annotations

import io
import tarfile
import threading
from pathlib import Path

import pytest

from tfnz_jupyter.errors import ImageNotFound
from tfnz_jupyter.server.images.images import recipe_for
from tfnz_jupyter.server.images.recipes import RECIPES
from tfnz_jupyter.server.images.recipes.apt import Package, parse_uris
from tfnz_jupyter.server.images.recipes.builder import filled_config, labels
from tfnz_jupyter.server.images.recipes.layer import LayerWriter, Stopped, applets_of, merged_path
from tfnz_jupyter.server.images.recipes.recipe import Entry, Version, check_tag
from tfnz_jupyter.server.images.references import parse_name


def package(*members: tuple[str, str | None], mtime: int = 1_700_000_000) -> io.BytesIO:
    """A data tar: (name, content), a folder if there is none, a symbolic link if it begins with '->'."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.mtime, member.mode = mtime, 0o755
            if content is None:
                member.type = tarfile.DIRTYPE
            elif content.startswith("->"):
                member.type, member.linkname = tarfile.SYMTYPE, content[2:]
            else:
                member.size = len(content)
            tar.addfile(member, io.BytesIO((content or "").encode()))
    made.seek(0)
    return made


def layer(
    folder: Path, *packages: io.BytesIO, excluded=(), entries=()
) -> dict[str, tarfile.TarInfo]:
    """The members of the layer that these make."""
    with LayerWriter(folder / "layer", tuple(excluded), threading.Event()) as writer:
        writer.merge_usr()
        for entry in entries:
            writer.add(entry)
        for one in packages:
            writer.add_package(one)
        writer.finish()
    with tarfile.open(folder / "layer") as tar:
        members = tar.getmembers()
    assert len(members) == len({m.name for m in members}), "a path is there twice"
    return {m.name: m for m in members}


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("./", ""),
        ("./bin", ""),
        ("./bin/sh", "usr/bin/sh"),
        ("./lib64/ld.so", "usr/lib64/ld.so"),
        ("./libexec/x", "libexec/x"),
        ("./usr/bin/x", "usr/bin/x"),
        ("./etc/", "etc"),
    ],
)
def test_paths_move_into_usr(name, path):
    assert merged_path(name) == path


def test_a_file_of_our_own_wins_over_a_packages(tmp_path):
    ours = Entry("etc/a.conf", content="ours", mode=0o600)
    made = layer(tmp_path, package(("./etc/a.conf", "theirs!")), entries=[ours])
    assert (made["etc/a.conf"].size, made["etc/a.conf"].mode) == (4, 0o600)


def test_documentation_is_left_out_but_copyrights_stay(tmp_path):
    names = ["changelog.gz", "copyright", "NEWS"]
    doc = package(*((f"./usr/share/doc/x/{n}", "x") for n in names), ("./usr/share/man/x", "x"))
    made = layer(tmp_path, doc)
    assert "usr/share/doc/x/copyright" in made
    assert not any(n.endswith(("gz", "NEWS")) or "/man" in n for n in made)


def test_excluded_paths_are_left_out(tmp_path):
    made = layer(tmp_path, package(("./opt/a/b", "x"), ("./opt/c", "x")), excluded=["opt/a/*"])
    assert "opt/c" in made
    assert "opt/a/b" not in made


def test_parents_come_by_themselves(tmp_path):
    made = layer(tmp_path, package(("./srv/a/b/c", "x")))
    assert made["srv"].isdir()
    assert made["srv/a/b"].isdir()


def test_busybox_gives_its_names_where_no_real_tool_is(tmp_path):
    box = "ELF\0[\0[[\0busybox\0ls\0sh\0reboot\0\0rest"
    made = layer(
        tmp_path,
        package(("./bin/busybox", box), ("./sbin/reboot", "real")),
        package(("./bin/ls", "real")),
    )
    assert made["usr/bin/sh"].linkname == "busybox"
    assert made["usr/bin/ls"].isreg()
    assert "usr/bin/reboot" not in made


def test_a_program_without_a_table_has_no_applets():
    assert applets_of(b"no table here") == []


def test_certificates_become_one_file(tmp_path):
    folder = "./usr/share/ca-certificates/mozilla"
    made = layer(tmp_path, package((f"{folder}/a.crt", "AAA"), (f"{folder}/b.crt", "BBB\n")))
    assert made["etc/ssl/certs/ca-certificates.crt"].size == len("AAA\nBBB\n")
    assert made["usr/lib/ssl/cert.pem"].issym()


def test_the_same_packages_make_the_same_layer(tmp_path):
    digests = set()
    for name in ("one", "two"):
        with LayerWriter(tmp_path / name, (), threading.Event()) as writer:
            writer.add_package(package(("./a", "x"), ("./b", "->a")))
        digests.add((writer.digest, writer.size))
    assert len(digests) == 1


def test_a_layer_that_nobody_wants_any_more_stops(tmp_path):
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped), LayerWriter(tmp_path / "layer", (), stop) as writer:
        writer.add_package(package(("./a", "x")))


@pytest.mark.parametrize(
    ("full", "upstream", "major"),
    [
        ("1.22.1-9+deb12u1", "1.22.1", "1"),
        ("5:7.0.15-1~deb12u10", "7.0.15", "7"),
        ("15+248+deb12u1", "15", "15"),
        ("12.4+deb12u11", "12.4", "12"),
        ("3.11.2-1+b1", "3.11.2", "3"),
        ("1.2.13.dfsg-1", "1.2.13.dfsg", "1"),
    ],
)
def test_a_debian_version_has_an_upstream_version(full, upstream, major):
    version = Version(full, "bookworm")
    assert (version.upstream, version.major) == (upstream, major)


@pytest.mark.parametrize(
    "tag",
    ["latest", "1", "1.22", "1.22.1", "bookworm", "slim", "1.22-bookworm", "1.22-slim-bookworm"],
)
def test_a_tag_that_the_version_begins_with_is_served(tag):
    check_tag("nginx", tag, Version("1.22.1-9", "bookworm"))


@pytest.mark.parametrize("tag", ["1.27", "1.2", "1.22.10", "alpine", "1.22-alpine", "trixie"])
def test_any_other_tag_is_refused_telling_the_version_there_is(tag):
    with pytest.raises(ImageNotFound, match=rf"nginx:{tag} .* version 1\.22\.1") as caught:
        check_tag("nginx", tag, Version("1.22.1-9", "bookworm"))
    assert "'nginx:1.22'" in caught.value.hint


@pytest.mark.parametrize("written", ["nginx", "library/nginx", "docker.io/nginx:1", "nginx:latest"])
def test_a_recipe_stands_in_for_an_official_name(written):
    assert recipe_for(parse_name(written)) is RECIPES["nginx"]


@pytest.mark.parametrize(
    "written",
    ["me/nginx", "localhost:5000/nginx", "quay.io/nginx", f"nginx@sha256:{'0' * 64}", "foo"],
)
def test_no_recipe_stands_in_for_anything_else(written):
    assert recipe_for(parse_name(written)) is None


def test_the_recipes_are_those_that_are_promised():
    assert set(RECIPES) == {"busybox", "debian", "nginx", "python", "postgres", "redis"}


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_an_image_from_a_recipe_says_that_it_is_not_the_official_one(name):
    told = labels(RECIPES[name], Version("1.2-3", "bookworm"))
    assert told["org.opencontainers.image.title"] == name
    assert "not the official image" in told["org.opencontainers.image.description"]


def test_the_major_version_is_filled_in():
    filled = filled_config(RECIPES["postgres"].config, Version("15+248", "bookworm"))
    assert "PG_MAJOR=15" in filled["Env"]
    assert "/usr/lib/postgresql/15/bin" in filled["Env"][0]


def test_apts_list_of_files_is_read():
    line = "'http://m/z_1%3a2_amd64.deb' zlib1g_1%3a1.2-1_amd64.deb 86684 MD5Sum:ec"
    unhashed = "'http://m/n.deb' nginx_1.22_all.deb 5 "
    assert parse_uris(f"{line}\n{unhashed}\n") == [
        Package("zlib1g", "1:1.2-1", "zlib1g_1%3a1.2-1_amd64.deb", 86684),
        Package("nginx", "1.22", "nginx_1.22_all.deb", 5),
    ]
