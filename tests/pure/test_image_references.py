"""Image references: what is understood, the form it is kept under, and what the refusal says."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfnz_jupyter.errors import UsageError
from tfnz_jupyter.server.images.references import File, Name, Newest, parse_name, parse_reference

DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:1.25", "docker.io/library/nginx:1.25"),
        ("library/nginx", "docker.io/library/nginx:latest"),
        ("docker.io/nginx", "docker.io/library/nginx:latest"),
        ("docker.io/library/nginx:latest", "docker.io/library/nginx:latest"),
        ("index.docker.io/library/nginx", "docker.io/library/nginx:latest"),
        ("org/app", "docker.io/org/app:latest"),
        ("a/b/c", "docker.io/a/b/c:latest"),
        ("localhost/app", "localhost/app:latest"),
        ("localhost:5000/app:1", "localhost:5000/app:1"),
        ("registry.example.com/a/b_c-d.e:V1_x", "registry.example.com/a/b_c-d.e:V1_x"),
        ("127.0.0.1:5000/app", "127.0.0.1:5000/app:latest"),
        ("[::1]:5000/app", "[::1]:5000/app:latest"),
        (f"nginx@{DIGEST}", f"docker.io/library/nginx@{DIGEST}"),
        (f"nginx:1@{DIGEST}", f"docker.io/library/nginx@{DIGEST}"),
        ("docker", "docker.io/library/docker:latest"),
        ("docker:27", "docker.io/library/docker:27"),
        ("dir:1", "docker.io/library/dir:1"),
    ],
)
def test_a_name_is_kept_in_its_full_form(written, key):
    assert parse_reference(written).key == key


@pytest.mark.parametrize(
    ("written", "blamed"),
    [
        ("", "needs a name"),
        ("  ", "needs a name"),
        ("Nginx", "'Nginx' has capitals"),
        ("org/App", "'App' has capitals"),
        ("nginx:", "tag ''"),
        ("nginx:a b", "space"),
        ("nginx\n", "space"),
        ("nginx:-x", "tag '-x'"),
        ("nginx:" + "x" * 129, "tag 'x"),
        ("nginx@sha256:12", "digest 'sha256:12'"),
        ("nginx@md5:12", "digest 'md5:12'"),
        ("-nginx", "'-nginx'"),
        ("ng..inx", "'ng..inx'"),
        ("a//b", "''"),
        ("https://docker.io/nginx", "not a URL"),
        ("host:port/app", "registry host 'host:port'"),
        ("a" * 256, "longer than 255"),
        ("ab" * 32, "an id, not a name"),
        ("docker-daemon:/x", "'docker-daemon:' is not one of"),
        ("oci-archive:", "comes a path"),
    ],
)
def test_a_wrong_reference_is_refused_naming_the_wrong_part(written, blamed):
    with pytest.raises(UsageError, match="image") as caught:
        parse_reference(written)
    assert blamed in caught.value.message


def test_a_dot_is_the_newest_local_image():
    assert parse_reference(".") == Newest()


def test_an_archive_is_known_by_its_prefix(tmp_path):
    file = tmp_path / "a.tar"
    file.touch()
    assert parse_reference(f"docker-archive:{file}") == File("docker-archive", file)
    assert parse_reference(f"oci-archive:{file}:v1") == File("oci-archive", file, "v1")
    assert parse_reference(f"docker-archive:{file}:app:1") == File("docker-archive", file, "app:1")


def test_a_plain_path_is_an_archive_or_a_layout(tmp_path, monkeypatch):
    (tmp_path / "my.tar").touch()
    monkeypatch.chdir(tmp_path)
    assert parse_reference("./my.tar") == File("archive", Path.cwd() / "my.tar")
    assert parse_reference(str(tmp_path)) == File("oci", tmp_path)


def test_a_colon_in_an_existing_path_is_part_of_it(tmp_path):
    folder = tmp_path / "odd:name"
    folder.mkdir()
    assert parse_reference(f"oci:{folder}") == File("oci", folder)


def test_a_path_that_is_not_there_is_refused_naming_it(tmp_path):
    for written in (f"{tmp_path}/none.tar", f"oci-archive:{tmp_path}/none.tar"):
        with pytest.raises(UsageError, match=r"none\.tar"):
            parse_reference(written)


def test_a_folder_is_not_an_archive(tmp_path):
    with pytest.raises(UsageError, match="is not a file"):
        parse_reference(f"docker-archive:{tmp_path}")


@pytest.mark.parametrize(
    ("written", "hostname", "port"),
    [
        ("nginx", "docker.io", None),
        ("localhost:5000/a", "localhost", 5000),
        ("[::1]:5000/a", "::1", 5000),
        ("[::1]/a", "::1", None),
    ],
)
def test_the_host_and_the_port_of_a_name(written, hostname, port):
    name = parse_name(written)
    assert (name.hostname, name.port) == (hostname, port)


@given(st.text(max_size=40))
def test_any_text_is_either_a_reference_or_a_usage_error(text):
    if text.startswith(("/", "./", "../", "~", "oci", "docker-archive:")):
        return
    try:
        parsed = parse_reference(text)
    except UsageError:
        return
    assert isinstance(parsed, Newest) or parse_name(parsed.key).key == parsed.key


@given(
    st.from_regex(r"[a-z0-9]{1,8}(/[a-z0-9]{1,8}){0,2}(:[a-z0-9][a-z0-9.]{0,4})?", fullmatch=True)
)
def test_the_familiar_form_means_the_same_image(text):
    name = parse_reference(text)
    assert isinstance(name, Name)
    assert parse_name(name.familiar).key == name.key
