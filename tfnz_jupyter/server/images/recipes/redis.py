"""redis as its official image has it: reachable from outside, data in ``/data``, run by user ``redis``.

Protected mode is off, as there: it would refuse everybody but loopback. What the container lets in is the location's
firewall's business.
"""

from __future__ import annotations

from .recipe import Recipe, User, folder, text

_ENTRYPOINT = """\
#!/bin/sh
# Options alone, or a configuration file, are meant for redis-server.
set -e
case "$1" in
    -* | *.conf) set -- redis-server "$@" ;;
esac
if [ "$1" = redis-server ]; then
    shift
    case "$1" in
        '' | -*) set -- --protected-mode no "$@" ;;  # a configuration file has to come first, and decides itself
    esac
    set -- redis-server "$@"
    if [ "$(id -u)" = 0 ]; then
        find /data ! -user redis -exec chown redis:redis {} +
        exec su -p -s /bin/sh -c 'exec "$@"' -- redis sh "$@"
    fi
fi
exec "$@"
"""

REDIS = Recipe(
    name="redis",
    packages=("redis-server", "busybox-static"),
    versioned="redis-server",
    assumed=("adduser", "lsb-base", "init-system-helpers", "sysvinit-utils", "debconf"),
    excluded=("etc/default/*",),
    users=(User("redis", 999, "/data"),),
    files=(
        folder("data", owner=(999, 999)),
        text("usr/local/bin/docker-entrypoint.sh", _ENTRYPOINT, 0o755),
    ),
    config={
        "Entrypoint": ["docker-entrypoint.sh"],
        "Cmd": ["redis-server"],
        "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
        "ExposedPorts": {"6379/tcp": {}},
        "Volumes": {"/data": {}},
        "WorkingDir": "/data",
    },
)
