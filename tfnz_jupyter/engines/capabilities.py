"""The capabilities a container's root has, whatever engine runs it. Pure."""

from __future__ import annotations

# Docker's default list (moby, oci/caps/defaults.go) without CAP_MKNOD. CAP_NET_RAW and CAP_NET_BIND_SERVICE are inert on the
# embedded engine (the network namespace is not the container's), but programs look for them.
CAPABILITIES = (
    "CAP_AUDIT_WRITE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
)
