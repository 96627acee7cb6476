"""A streaming replica of a stack's Postgres as a compose service."""

from __future__ import annotations

import time
from typing import Any, Callable

# It copies the primary when it has no data yet, and is the same image with its own command after that.
_START = """
set -eu
mkdir -p /run/postgresql
chown postgres:postgres "$$PGDATA" /run/postgresql
chmod 700 "$$PGDATA"
as="setpriv --reuid=postgres --regid=postgres --init-groups"
[ -s "$$PGDATA/PG_VERSION" ] || $$as pg_basebackup -h postgres -U shop -D "$$PGDATA" -R -c fast
exec $$as postgres -c fsync=off
"""
STREAMS = "SELECT 1 FROM pg_stat_replication WHERE state = 'streaming' AND replay_lsn = pg_current_wal_lsn()"


def replica_service(version: str, volume: str) -> dict[str, Any]:
    """Of the service ``postgres`` with the superuser ``shop``, whose pg_hba.conf has to let it in."""
    return {
        "image": f"runbook-postgres:{version}",
        "environment": {"PGPASSWORD": "${POSTGRES_PASSWORD}"},
        "entrypoint": ["bash", "-c"],
        "command": [_START],
        "volumes": [f"{volume}:/var/lib/postgresql/data"],
        "depends_on": {"postgres": {"condition": "service_healthy"}},
        "healthcheck": {"test": ["CMD-SHELL", "pg_isready -q -h 127.0.0.1"], "interval": "1s", "retries": 40},
    }


def await_streaming(ask: Callable[[str], list]) -> None:
    """Until the primary says that its replica has everything."""
    until = time.monotonic() + 120
    while not ask(STREAMS):
        assert time.monotonic() < until, "the replica does not stream"
        time.sleep(0.2)
