"""asyncssh's SFTP server works on the files of its own machine. Ours may inherit none of that."""

from __future__ import annotations

import inspect

import asyncssh

from tfnz_jupyter.server.ssh.sftp import Sftp

#: What asyncssh's class does without looking at a file of this machine.
HARMLESS = {
    "channel",
    "connection",
    "convert_attrs",
    "env",
    "format_longname",
    "logger",
}


def test_every_deed_of_the_sftp_server_is_our_own():
    inherited = {
        name
        for name, _ in inspect.getmembers(asyncssh.SFTPServer)
        if not name.startswith("_") and name not in Sftp.__dict__
    }
    assert inherited <= HARMLESS
