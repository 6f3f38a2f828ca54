"""postgres with the environment variables, the data folder and the first start of its official image.

``POSTGRES_PASSWORD``, ``POSTGRES_USER``, ``POSTGRES_DB``, ``POSTGRES_INITDB_ARGS``, ``POSTGRES_INITDB_WALDIR``,
``POSTGRES_HOST_AUTH_METHOD``, ``PGDATA``; each of the first four also as ``..._FILE``. Scripts in
``/docker-entrypoint-initdb.d`` (``*.sh``, ``*.sql``, ``*.sql.gz``, ``*.sql.xz``) run once, in order of their names.

Not as there: the locale is C.UTF-8, there is no JIT (it is four fifths of the size), and the user must be in the image's
``/etc/passwd``.
"""

from __future__ import annotations

from .recipe import Recipe, User, folder, text

_ENTRYPOINT = r"""#!/bin/sh
# Prepares the data folder on the first start, then becomes the server.
set -eu

say() { printf '%s\n' "postgres: $*"; }
fail() { printf '%s\n' "postgres: $*" >&2; exit 1; }

# setting NAME DEFAULT: exports NAME, from the file NAME_FILE names if that is given.
setting() {
    eval "value=\${$1-}; file=\${$1_FILE-}"
    if [ -n "$value" ] && [ -n "$file" ]; then fail "$1 and $1_FILE are both set; one is enough"; fi
    if [ -n "$file" ]; then value=$(cat "$file") || fail "cannot read $file"; fi
    eval "export $1=\${value:-\$2}"
    unset "$1_FILE"
}

settings() {
    setting POSTGRES_PASSWORD ''
    setting POSTGRES_USER postgres
    setting POSTGRES_DB "$POSTGRES_USER"
    setting POSTGRES_INITDB_ARGS ''
    setting POSTGRES_HOST_AUTH_METHOD ''
}

check_password() {
    [ -n "$POSTGRES_PASSWORD" ] || [ "$POSTGRES_HOST_AUTH_METHOD" = trust ] || fail \
"the database is new and has no password for user $POSTGRES_USER.
Set POSTGRES_PASSWORD to one, or POSTGRES_HOST_AUTH_METHOD=trust to let in whoever can connect."
    [ "$POSTGRES_HOST_AUTH_METHOD" != trust ] ||
        say "POSTGRES_HOST_AUTH_METHOD=trust: whoever can connect gets in, without a password" >&2
}

make_cluster() {
    secret=$(mktemp)
    printf '%s\n' "$POSTGRES_PASSWORD" > "$secret"
    set -- --username="$POSTGRES_USER"
    [ -z "$POSTGRES_PASSWORD" ] || set -- "$@" --pwfile="$secret"
    [ -z "${POSTGRES_INITDB_WALDIR-}" ] || set -- "$@" --waldir="$POSTGRES_INITDB_WALDIR"
    # POSTGRES_INITDB_ARGS is a command line: its quotes count.
    eval "initdb --pgdata=\"\$PGDATA\" \"\$@\" $POSTGRES_INITDB_ARGS" || { rm -f "$secret"; exit 1; }
    rm -f "$secret"
    method=${POSTGRES_HOST_AUTH_METHOD:-$(postgres -D "$PGDATA" -C password_encryption)}
    printf '\nhost all all all %s\n' "$method" >> "$PGDATA/pg_hba.conf"
    printf "\nlisten_addresses = '*'\n" >> "$PGDATA/postgresql.conf"
}

sql() { PGHOST= PGHOSTADDR= psql -v ON_ERROR_STOP=1 --no-psqlrc -U "$POSTGRES_USER" "$@"; }

run_scripts() {
    for script in /docker-entrypoint-initdb.d/*; do
        case "$script" in
            *.sh) if [ -x "$script" ]; then say "running $script"; "$script"
                  else say "reading $script"; . "$script"; fi ;;
            *.sql) say "running $script"; sql -d "$POSTGRES_DB" -f "$script" ;;
            *.sql.gz) say "running $script"; gunzip -c "$script" | sql -d "$POSTGRES_DB" ;;
            *.sql.xz) say "running $script"; xzcat "$script" | sql -d "$POSTGRES_DB" ;;
            '/docker-entrypoint-initdb.d/*') ;;
            *) say "ignoring $script" ;;
        esac
    done
}

# With a server that only this container can reach.
first_start() {
    export PGPASSWORD="$POSTGRES_PASSWORD"
    shift  # the word postgres; the user's options hold for this start too
    options="-c listen_addresses='' -p ${PGPORT:-5432}"
    for option; do options="$options '$(printf %s "$option" | sed "s/'/'\\\\''/g")'"; done
    pg_ctl -D "$PGDATA" -w -o "$options" start
    if ! sql -d postgres -Atc "SELECT 1 FROM pg_database" >/dev/null; then
        fail "the new database does not answer"
    fi
    if [ "$POSTGRES_DB" != postgres ]; then
        printf 'CREATE DATABASE :"db";\n' | sql -d postgres -v db="$POSTGRES_DB"
    fi
    run_scripts
    pg_ctl -D "$PGDATA" -m fast -w stop
    unset PGPASSWORD
}

as_root() {
    mkdir -p "$PGDATA" /var/run/postgresql
    chmod 0700 "$PGDATA"
    chmod 3775 /var/run/postgresql
    find "$PGDATA" /var/run/postgresql ! -user postgres -exec chown postgres:postgres {} +
    if [ -n "${POSTGRES_INITDB_WALDIR-}" ]; then
        mkdir -p "$POSTGRES_INITDB_WALDIR"
        chmod 0700 "$POSTGRES_INITDB_WALDIR"
        chown -R postgres:postgres "$POSTGRES_INITDB_WALDIR"
    fi
    export HOME=/var/lib/postgresql
    exec su -p -s /bin/sh -c 'exec "$@"' -- postgres sh "$0" "$@"
}

only_asks() {
    for word; do
        case "$word" in -\? | --help | -V | --version | --describe-config) return 0 ;; esac
    done
    return 1
}

case "${1-}" in '' | -*) set -- postgres "$@" ;; esac

if [ "$1" = postgres ] && ! only_asks "$@"; then
    [ "$(id -u)" != 0 ] || as_root "$@"
    mkdir -p "$PGDATA"
    chmod 0700 "$PGDATA" 2>/dev/null || :
    if [ -s "$PGDATA/PG_VERSION" ]; then
        say "the data folder has a database; it is used as it is"
    else
        settings
        check_password
        make_cluster
        first_start "$@"
        say "the database is ready; starting it for good"
    fi
    unset POSTGRES_PASSWORD
fi
exec "$@"
"""

POSTGRES = Recipe(
    name="postgres",
    packages=("postgresql", "libc-bin", "ncurses-base", "busybox-static"),
    versioned="postgresql",
    assumed=(
        *(f"libllvm{number}" for number in range(13, 23)),
        "postgresql-common",
        "postgresql-client-common",
        "sensible-utils",
        "ssl-cert",
        "locales",
        "debconf",
        "adduser",
        "perl",
        "ucf",
    ),
    excluded=(
        "usr/lib/postgresql/*/lib/llvmjit*",
        "usr/lib/postgresql/*/lib/bitcode*",
        "usr/share/postgresql/*/man*",
        "usr/share/postgresql-common*",
        "etc/default/*",
    ),
    users=(User("postgres", 999, "/var/lib/postgresql", "/bin/sh"),),
    files=(
        folder("var/lib/postgresql", owner=(999, 999)),
        folder("var/lib/postgresql/data", 0o700, (999, 999)),
        folder("run/postgresql", 0o3775, (999, 999)),
        folder("docker-entrypoint-initdb.d"),
        text("usr/local/bin/docker-entrypoint.sh", _ENTRYPOINT, 0o755),
    ),
    config={
        "Entrypoint": ["docker-entrypoint.sh"],
        "Cmd": ["postgres"],
        "Env": [
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:"
            "/usr/lib/postgresql/{major}/bin",
            "LANG=C.UTF-8",
            "PG_MAJOR={major}",
            "PGDATA=/var/lib/postgresql/data",
        ],
        "ExposedPorts": {"5432/tcp": {}},
        "StopSignal": "SIGINT",
        "Volumes": {"/var/lib/postgresql/data": {}},
        "WorkingDir": "/",
    },
)
