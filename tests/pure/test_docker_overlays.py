"""Where an overlay keeps what a container writes, by what the kernel says of its mounts."""

from __future__ import annotations

import pytest

from tfnz_jupyter.engines.docker.workshop import upper_folder
from tfnz_jupyter.errors import NotSupported

MOUNTS = """\
511 410 0:60 / / rw,relatime master:1 - overlay overlay rw,lowerdir=/l/A:/l/B,upperdir=/var/lib/d\\040er/diff,workdir=/w
512 511 0:63 / /proc rw,nosuid - proc proc rw
513 511 0:64 / /data rw - overlay overlay rw,lowerdir=/x,upperdir=/elsewhere,workdir=/w
"""


def test_it_is_the_upper_folder_of_the_mount_at_the_top():
    assert upper_folder(MOUNTS) == "/var/lib/d er/diff"


def test_a_root_that_is_no_overlay_is_told():
    with pytest.raises(NotSupported, match="no overlay"):
        upper_folder("511 410 0:60 / / rw - btrfs /dev/vda rw,subvol=/x\n")
