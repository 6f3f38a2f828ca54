"""Files and folders as one stream of bytes: what goes in comes out, however it is cut, and nothing leads out."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfnz_jupyter.errors import ProtocolError
from tfnz_jupyter.wire.tree import FILE, FOLDER, Entry, TreeReader, data_record, entry_record

names = st.binary(min_size=1, max_size=9).filter(
    lambda name: b"/" not in name and b"\0" not in name and name not in (b".", b"..")
)
paths = st.lists(names, max_size=4).map(b"/".join)
files = st.tuples(paths, st.lists(st.binary(max_size=40), max_size=4))


def read(data: bytes, cuts: list[int]) -> list[tuple[bytes, bytes]]:
    """Path and content of each file of a stream that arrives in pieces."""
    reader, found = TreeReader(), []
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for start, end in itertools.pairwise(edges):
        for one in reader.feed(data[start:end]):
            if isinstance(one, Entry):
                found.append((one.path, b""))
            else:
                found[-1] = (found[-1][0], found[-1][1] + one)
    reader.end()
    return found


@given(st.lists(files, max_size=5), st.lists(st.integers(0, 1000), max_size=9))
def test_files_come_out_as_they_went_in_however_the_stream_is_cut(
    tree: list[tuple[bytes, list[bytes]]], cuts: list[int]
):
    stream = b"".join(
        entry_record(Entry(path, FILE, 0o644, 1)) + b"".join(map(data_record, pieces))
        for path, pieces in tree
    )
    assert read(stream, cuts) == [(path, b"".join(pieces)) for path, pieces in tree]


def test_an_entry_keeps_all_that_is_known_of_it():
    entry = Entry(b"a/\xff", "link", 0o777, 5, b"../anywhere", 11, 1, 2)
    assert list(TreeReader().feed(entry_record(entry))) == [entry]


@pytest.mark.parametrize(
    "path", [b"..", b"../x", b"a/../../x", b"/abs", b"a//b", b"a/", b".", b"a\0b"]
)
def test_a_path_that_leads_out_is_refused(path: bytes):
    with pytest.raises(ProtocolError, match="leads out"):
        list(TreeReader().feed(entry_record(Entry(path, FILE))))


@pytest.mark.parametrize(
    "data",
    [
        b"X\0\0\0\0",
        data_record(b"of no file"),
        entry_record(Entry(b"", FOLDER)) + data_record(b"of a folder"),
        entry_record(Entry(b"", "device")),
        b"E\xff\xff\xff\xff",
        b"E\0\0\0\1\xc1",
        b"E\0\0\0\2" + msgspec.msgpack.encode([1]),
    ],
)
def test_what_is_no_tree_is_refused(data: bytes):
    with pytest.raises(ProtocolError):
        list(TreeReader().feed(data))


@given(st.binary(max_size=200))
def test_garbage_is_refused_or_incomplete_and_nothing_else(data: bytes):
    reader = TreeReader()
    try:
        list(reader.feed(data))
        reader.end()
    except ProtocolError:
        return


@pytest.mark.parametrize("short", [1, 5, 8])
def test_a_stream_that_ends_within_a_record_is_refused(short: int):
    reader = TreeReader()
    list(reader.feed((entry_record(Entry(b"", FILE)) + data_record(b"12345678"))[:-short]))
    with pytest.raises(ProtocolError, match="within a record"):
        reader.end()
