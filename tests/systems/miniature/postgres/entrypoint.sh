#!/usr/bin/env bash
# Starts PostgreSQL; on an empty data directory it first makes the cluster, the user, the database, and runs
# /docker-entrypoint-initdb.d. Same variables as the official image: POSTGRES_{USER,PASSWORD,DB} and their _FILE forms.
set -euo pipefail

from_file() {
    local file="${1}_FILE"
    if [ -n "${!file:-}" ]; then export "$1=$(<"${!file}")"; fi
}

as_postgres() {
    mkdir -p "$PGDATA" /run/postgresql
    chown -R postgres:postgres "$PGDATA" /run/postgresql
    chmod 700 "$PGDATA"
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
}

run_init_files() {
    local file
    for file in /docker-entrypoint-initdb.d/*; do
        case $file in
            *.sql) psql --no-psqlrc -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" -f "$file" ;;
            *.sh) bash "$file" ;;
        esac
    done
}

make_cluster() {
    if [ -z "${POSTGRES_PASSWORD:-}" ]; then
        echo "POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE must be set." >&2
        exit 1
    fi
    # A kill in the middle must not leave half a cluster that looks whole: it moves into place at the end.
    local target=$PGDATA
    export PGDATA="$target/.new"
    rm -rf "$PGDATA"
    initdb --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") --auth-host=scram-sha-256 \
        --auth-local=trust --encoding=UTF8 --locale=C.UTF-8 >/dev/null
    echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
    echo "listen_addresses = '*'" >>"$PGDATA/postgresql.conf"
    # Only the socket for now, so that nobody outside sees a half-made database.
    pg_ctl -w -o "-c listen_addresses=''" start >/dev/null
    [ "$POSTGRES_DB" = postgres ] || createdb --username="$POSTGRES_USER" -- "$POSTGRES_DB"
    run_init_files
    pg_ctl -m fast -w stop >/dev/null
    # PG_VERSION last: it is what says that there is a cluster.
    find "$PGDATA" -mindepth 1 -maxdepth 1 -not -name PG_VERSION -exec mv -t "$target" {} +
    mv "$PGDATA/PG_VERSION" "$target"/
    rmdir "$PGDATA"
    export PGDATA=$target
}

[ "${1:-}" = postgres ] || exec "$@"
[ "$(id -u)" != 0 ] || as_postgres "$@"
from_file POSTGRES_PASSWORD
from_file POSTGRES_USER
from_file POSTGRES_DB
: "${POSTGRES_USER:=postgres}"
: "${POSTGRES_DB:=$POSTGRES_USER}"
export POSTGRES_USER POSTGRES_DB
[ -s "$PGDATA/PG_VERSION" ] || make_cluster
exec "$@"
