"""A seccomp filter compiled once by libseccomp, for crun's ``run.oci.seccomp_bpf_data`` annotation.

Left to crun, libseccomp would compile the profile for three architectures at every start: 12 ms each. Ours is for the
native one alone; a call of any other (i386, x32) kills the process that makes it.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import hashlib
import json
import os
import platform
import tempfile
from pathlib import Path

from ...errors import EngineFailed
from ..capabilities import CAPABILITIES
from .seccomp import Filter, translate

PROFILE = Path("/usr/share/containers/seccomp.json")
_ALLOW, _ERRNO, _KILL_PROCESS = 0x7FFF_0000, 0x0005_0000, 0x8000_0000
_BAD_ARCH, _OPTIMIZE = 2, 8  # enum scmp_filter_attr
_EXISTS, _NO_SUCH_CALL = -17, -1
_VERSION = 2  # of the translation; a new one is compiled anew


class _Comparison(ctypes.Structure):
    _fields_ = (
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("a", ctypes.c_uint64),
        ("b", ctypes.c_uint64),
    )


def filter_base64(cache: Path) -> str:
    """The compiled filter for this machine, from ``cache`` (a folder) if it was made before.

    Raises:
        EngineFailed: the profile or libseccomp is missing, or does not make sense.
    """
    try:
        text = PROFILE.read_bytes()
    except OSError as error:
        raise EngineFailed(
            f"no seccomp profile at {PROFILE}",
            hint="apt-get install golang-github-containers-common",
        ) from error
    key = hashlib.sha256(text + f"{_VERSION} {platform.machine()} {CAPABILITIES}".encode())
    cached = cache / f"seccomp-{key.hexdigest()[:16]}.bpf"
    with contextlib.suppress(FileNotFoundError):
        return base64.b64encode(cached.read_bytes()).decode()
    code = compile_filter(translate(json.loads(text), platform.machine(), CAPABILITIES))
    half = cached.with_suffix(".tmp")
    half.write_bytes(code)
    half.rename(cached)
    return base64.b64encode(code).decode()


def compile_filter(rules: Filter) -> bytes:
    """The filter as an array of ``struct sock_filter``."""
    library = _library()
    context = library.seccomp_init(ctypes.c_uint32(_ERRNO | rules.default_error))
    if not context:
        raise EngineFailed("libseccomp does not start")
    handle = ctypes.c_void_p(context)
    try:
        _ok(library.seccomp_attr_set(handle, _BAD_ARCH, ctypes.c_uint32(_KILL_PROCESS)))
        library.seccomp_attr_set(handle, _OPTIMIZE, ctypes.c_uint32(2))  # since 2.5: faster calls
        for rule in rules.rules:
            if rule.error == rules.default_error:
                continue  # libseccomp takes no rule that says what the default says
            number = library.seccomp_syscall_resolve_name(rule.name.encode())
            if number == _NO_SUCH_CALL:
                continue  # of another architecture, or newer than this library
            action = _ALLOW if rule.error is None else _ERRNO | rule.error
            args = (_Comparison * max(1, len(rule.args)))(*(_Comparison(*a) for a in rule.args))
            result = library.seccomp_rule_add_array(
                handle, ctypes.c_uint32(action), number, len(rule.args), args
            )
            _ok(0 if result == _EXISTS else result)
        with tempfile.TemporaryFile() as out:
            _ok(library.seccomp_export_bpf(handle, out.fileno()))
            return os.pread(out.fileno(), 1 << 20, 0)
    finally:
        library.seccomp_release(handle)


def _library() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    except OSError as error:
        raise EngineFailed("libseccomp is missing", hint="apt-get install libseccomp2") from error
    library.seccomp_init.restype = ctypes.c_void_p
    return library


def _ok(result: int) -> None:
    if result < 0:
        raise EngineFailed(f"libseccomp: {os.strerror(-result)}")
