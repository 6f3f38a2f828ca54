"""Folders that contain each other (D-18: the ancestor compared letters, not names)."""

from __future__ import annotations

import pytest

from tfnz_jupyter import UsageError, Volume
from tfnz_jupyter.sdk import asking


@pytest.mark.parametrize(
    ("current", "proposed", "found"),
    [
        ("/mnt/a", "/mnt/ab", None),
        ("/mnt/ab", "/mnt/a", None),
        ("/mnt/a", "/mnt/a", ("/mnt/a", "/mnt/a")),
        ("/mnt/a", "/mnt/a/", ("/mnt/a", "/mnt/a")),
        ("/mnt/a/b", "/mnt/a", ("/mnt/a/b", "/mnt/a")),
        ("/mnt/a", "/mnt//a/b/../c/", ("/mnt/a/c", "/mnt/a")),
        ("/", "/x", ("/x", "/")),
        (["/a", "/b"], "/b/c", ("/b/c", "/b")),
        (["/a", "/b"], ["/c", "/d"], None),
        ([], "/a", None),
    ],
)
def test_trees_intersect_where_one_is_or_contains_the_other(current, proposed, found):
    assert Volume.trees_intersect(current, proposed) == found


@pytest.mark.parametrize("path", ["/", "", "data", "/a/../b", "//", "/nul\0", b"/bytes", None])
def test_where_no_volume_can_be_mounted_is_named(path):
    with pytest.raises(UsageError) as caught:
        asking.mount_point(path)
    assert repr(path) in str(caught.value)


def test_a_mount_point_is_made_tidy():
    assert asking.mount_point("//var//lib/") == "/var/lib"
