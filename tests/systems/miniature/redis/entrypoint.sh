#!/usr/bin/env bash
# Writes the configuration from the environment, so that the password never stands in the process list.
# REDIS_PASSWORD or REDIS_PASSWORD_FILE, REDIS_APPENDONLY (no|yes), REDIS_MAXMEMORY, REDIS_SAVE.
set -euo pipefail

configuration=/run/redis/redis.conf

write_configuration() {
    local password=${REDIS_PASSWORD:-}
    [ -z "${REDIS_PASSWORD_FILE:-}" ] || password=$(<"$REDIS_PASSWORD_FILE")
    mkdir -p /run/redis
    umask 077
    {
        echo "dir /data"
        echo "bind * -::*"
        echo "protected-mode no"
        echo "appendonly ${REDIS_APPENDONLY:-no}"
        echo "maxmemory ${REDIS_MAXMEMORY:-0}"
        echo "save ${REDIS_SAVE-900 1 300 10 60 10000}"
        [ -z "$password" ] || printf 'requirepass "%s"\n' "$password"
    } >"$configuration"
    chown -R redis:redis /run/redis /data
}

[ "${1:-}" = redis-server ] || exec "$@"
shift
write_configuration
exec setpriv --reuid=redis --regid=redis --init-groups redis-server "$configuration" "$@"
