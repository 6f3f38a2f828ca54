"""What is fetched is written below the folder it was fetched to, and nowhere else, whatever a container sends."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tfnz_jupyter.errors import FileFailed, NoSuchFile, ProtocolError
from tfnz_jupyter.sdk.trees import LocalReceiver, of_path
from tfnz_jupyter.wire.tree import FILE, FOLDER, LINK, Entry, data_record, entry_record


def receive(to: Path, *records: bytes) -> Path:
    receiver = LocalReceiver(to, "name")
    try:
        for record in records:
            receiver.take([record])
        return receiver.finish()
    finally:
        receiver.abandon()


def file(path: bytes, content: bytes = b"x", **facts: int) -> bytes:
    return entry_record(Entry(path, FILE, **facts)) + data_record(content)


TOP = entry_record(Entry(b"", FOLDER, 0o755))


def test_a_folder_goes_there_and_back_with_modes_times_and_links(tmp_path: Path):
    one, two = tmp_path / "one", tmp_path / "two"
    (one / "deep").mkdir(parents=True)
    (one / "deep" / "tool").write_bytes(b"#!" * 300_000)
    (one / "deep" / "tool").chmod(0o751)
    os.symlink("deep/tool", one / "link")
    os.utime(one / "link", (1e9, 1e9), follow_symlinks=False)
    os.utime(one / "deep", (1.1e9, 1.1e9))
    receive(two, *of_path(one))
    assert (two / "deep" / "tool").read_bytes() == b"#!" * 300_000
    assert (two / "deep" / "tool").stat().st_mode & 0o7777 == 0o751
    assert os.readlink(two / "link") == "deep/tool"
    assert ((two / "link").lstat().st_mtime, (two / "deep").stat().st_mtime) == (1e9, 1.1e9)


def test_a_symlink_that_was_sent_is_not_followed(tmp_path: Path):
    outside = tmp_path / "outside"
    outside.mkdir()
    link = entry_record(Entry(b"l", LINK, target=os.fsencode(outside)))
    with pytest.raises(ProtocolError, match="before its folder"):
        receive(tmp_path / "to", TOP, link, file(b"l/x"))
    receive(tmp_path / "to", TOP, link, entry_record(Entry(b"l", FOLDER)), file(b"l/x"))
    assert not list(outside.iterdir())
    assert (tmp_path / "to/l/x").exists()


def test_a_symlink_that_lay_there_is_replaced_not_followed(tmp_path: Path):
    (tmp_path / "to").mkdir()
    (tmp_path / "precious").write_text("mine")
    os.symlink(tmp_path / "precious", tmp_path / "to/f")
    receive(tmp_path / "to", TOP, file(b"f"))
    assert (tmp_path / "precious").read_text() == "mine"
    assert (tmp_path / "to/f").read_text() == "x"


def test_setuid_bits_stay_behind(tmp_path: Path):
    receive(tmp_path / "f", file(b"", mode=0o6755))
    assert (tmp_path / "f").stat().st_mode & 0o7777 == 0o755


def test_a_file_goes_into_a_folder_that_is_there(tmp_path: Path):
    assert receive(tmp_path, file(b"")) == tmp_path / "name"


def test_half_a_file_leaves_nothing(tmp_path: Path):
    receiver = LocalReceiver(tmp_path / "f", "f")
    receiver.take([file(b"")])
    receiver.abandon()
    assert not list(tmp_path.iterdir())


def test_what_this_machine_refuses_is_said_by_name(tmp_path: Path):
    (tmp_path / "f").write_text("")
    with pytest.raises(FileFailed, match="f/to"):
        receive(tmp_path / "f/to", file(b""))
    with pytest.raises(NoSuchFile, match="nowhere/to"):
        receive(tmp_path / "nowhere/to", file(b""))
    with pytest.raises(NoSuchFile, match="nowhere"):
        list(of_path(tmp_path / "nowhere"))
    os.symlink("loop", tmp_path / "loop")
    with pytest.raises(FileFailed, match="loop"):
        list(of_path(tmp_path / "loop"))


def test_what_is_neither_file_nor_folder_is_left_out_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    os.mkfifo(tmp_path / "pipe")
    assert len(list(of_path(tmp_path))) == 1
    assert "pipe is left out" in caplog.text
    with pytest.raises(FileFailed, match="neither"):
        list(of_path(tmp_path / "pipe"))
