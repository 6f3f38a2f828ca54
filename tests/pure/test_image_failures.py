"""What skopeo and apt say, and the error it becomes. The words are theirs, as they were heard."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from tfnz_jupyter.errors import (
    EngineFailed,
    ImageNotFound,
    NotSupported,
    Refused,
    TfnzError,
    Unreachable,
)
from tfnz_jupyter.server.images.failures import disk_full, from_file, from_os, from_registry
from tfnz_jupyter.server.images.recipes.apt import failure
from tfnz_jupyter.server.images.skopeo import words_of
from tfnz_jupyter.server.images.tools import Outcome

HERE = Path("/")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("reading manifest latest in localhost:5000/none: manifest unknown", ImageNotFound),
        ("name unknown: repository name not known to registry", ImageNotFound),
        ("unauthorized: authentication required", Refused),
        ("requested access to the resource is denied", Refused),
        ("toomanyrequests: You have reached your pull rate limit", Refused),
        ("pinging container registry x: Get https://x/v2/: dial tcp: no such host", Unreachable),
        ("dial tcp 127.0.0.1:1: connect: connection refused", Unreachable),
        ("Get https://x/v2/: x509: certificate signed by unknown authority", Unreachable),
        ("no image found in manifest list for architecture arm64", NotSupported),
        ("write /x/oci-put-blob1: no space left on device", EngineFailed),
        ("Digest did not match, expected sha256:4034, got sha256:4294", EngineFailed),
        ("something nobody foresaw: sha256:404403429", EngineFailed),
    ],
)
def test_a_registrys_words_become_an_error_that_keeps_them(words, error):
    made = from_registry("app:1", "host", words, HERE)
    assert type(made) is error
    assert made.detail == words


def test_docker_hub_denies_what_it_does_not_have():
    made = from_registry("nope", "docker.io", "requested access to the resource is denied", HERE)
    assert type(made) is ImageNotFound
    assert "skopeo login" in made.hint


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("Digest did not match, expected sha256:a, got sha256:b", "broken"),
        ("reading blob sha256:a: unexpected EOF", "broken"),
        ("more than one image in oci, choose an image", "more than one"),
        ("write /x: no space left on device", "disk full"),
    ],
)
def test_a_files_words_become_an_error_that_names_the_file(words, told):
    made = from_file("/my.tar", words, HERE)
    assert type(made) is EngineFailed
    assert told in made.message
    assert "/my.tar" in made.message or told == "disk full"


def test_a_full_disk_says_how_much_is_free_and_needed():
    made = disk_full(folder=HERE, needed=5 * 2**20)
    assert made.message.startswith("disk full: ")
    assert "MiB free at /" in made.message
    assert "5 MiB needed" in made.message


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_write_that_found_no_room_is_a_full_disk(number):
    assert from_os(OSError(number, os.strerror(number)), HERE).message.startswith("disk full")


@pytest.mark.parametrize(
    ("words", "error", "told"),
    [
        ("E: Failed to fetch http://x  Temporary failure resolving 'x'", Unreachable, "mirror"),
        ("E: You don't have enough free space in /a/.", EngineFailed, "disk full"),
        ("E: Unable to locate package nope", EngineFailed, "the step"),
    ],
)
def test_apts_words_become_an_error(words, error, told):
    made: TfnzError = failure("the step", Outcome(100, b"", words), HERE)
    assert type(made) is error
    assert told in made.message


def test_skopeos_words_lose_the_dress_of_its_log():
    line = 'time="2026-01-01T00:00:00Z" level=fatal msg="cannot read \\"x\\": gone"'
    assert words_of(Outcome(1, b"", f"{line}\nplain")) == 'cannot read "x": gone\nplain'
