# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sessions of a Postgres server: looking at them and ending them."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence, Set

from .._core.postgres_errors import PostgresForbidden
from .._core.postgres_sessions import LOCAL, ClientSession, ConnectionSlots
from .postgres_session import PostgresSession

# Parallel workers, walsenders, autovacuum and the like are other backend types. An unseen session has no type at all.
_CLIENTS = """
SELECT a.pid, a.datname, a.usename, a.application_name, host(a.client_addr) AS client, a.state, r.rolsuper, a.backend_start, a.state_change,
       extract(epoch FROM clock_timestamp() - a.state_change)::float8 AS state_seconds,
       extract(epoch FROM clock_timestamp() - a.xact_start)::float8 AS transaction_seconds
FROM pg_catalog.pg_stat_activity AS a LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = a.usesysid
WHERE a.pid <> pg_backend_pid() AND a.backend_type = 'client backend' AND a.state IS NOT NULL
"""
_UNSEEN = """
SELECT count(*) FROM pg_catalog.pg_stat_activity
WHERE backend_type IS NULL AND usesysid IS NOT NULL AND datid IS NOT NULL AND (cardinality(%(usernames)s::text[]) = 0 OR usename = ANY(%(usernames)s::text[]))
"""
_SLOTS = """
SELECT coalesce(state, CASE WHEN backend_type IS NULL THEN 'hidden' ELSE 'starting' END) AS state, count(*) AS sessions FROM pg_catalog.pg_stat_activity
WHERE (backend_type = 'client backend' OR backend_type IS NULL AND usesysid IS NOT NULL AND datid IS NOT NULL) AND pid <> pg_backend_pid() GROUP BY 1
"""
_RESERVED = "SELECT name, setting::int FROM pg_catalog.pg_settings WHERE name IN ('max_connections', 'superuser_reserved_connections', 'reserved_connections')"
# The condition is checked by the statement that ends the session: whoever began to work meanwhile is not touched.
_SIGNAL = """
SELECT {function}(pid) FROM pg_catalog.pg_stat_activity
WHERE pid = %(pid)s AND backend_start = %(backend_start)s AND state_change = %(state_change)s AND state = %(state)s
  AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""
_STILL = "SELECT pid, backend_start, state_change FROM pg_catalog.pg_stat_activity WHERE pid = ANY(%s)"


def client_sessions(session: PostgresSession, usernames: Sequence[str] = ()) -> List[ClientSession]:
    """All sessions of clients but our own; raises PostgresForbidden when the server hides some of these roles' (none: any role's) from us."""
    hidden = session.value(_UNSEEN, {"usernames": list(usernames)})
    if hidden:
        raise PostgresForbidden(
            f"The server hides {hidden} sessions of other roles from this one.", hint="Log in as a superuser or a member of pg_monitor.", hidden=hidden
        )
    return [_read(row) for row in session.rows(_CLIENTS)]


def connection_slots(session: PostgresSession) -> ConnectionSlots:
    """Counts of client sessions; our own is not counted, it is gone when anybody reads the result."""
    limits = {row["name"]: row["setting"] for row in session.rows(_RESERVED)}
    states = {row["state"]: row["sessions"] for row in session.rows(_SLOTS)}
    return ConnectionSlots(limits["max_connections"], limits["superuser_reserved_connections"] + limits.get("reserved_connections", 0), states)


def cancel(session: PostgresSession, target: ClientSession) -> bool:
    """Whether the session was as it had been looked at, and was told to end its statement."""
    return _signal(session, "pg_cancel_backend", target)


def terminate(session: PostgresSession, target: ClientSession) -> bool:
    """Whether the session was as it had been looked at, and was told to end."""
    return _signal(session, "pg_terminate_backend", target)


def connected(session: PostgresSession, targets: List[ClientSession]) -> Set[int]:
    """Pids of the targets whose sessions are still there."""
    wanted = {target.identity for target in targets}
    return {row["pid"] for row in _still(session, targets) if (row["pid"], row["backend_start"]) in wanted}


def unchanged(session: PostgresSession, targets: List[ClientSession]) -> Set[int]:
    """Pids of the targets that still do what they did when they were looked at."""
    wanted = {(*target.identity, target.state_change) for target in targets}
    return {row["pid"] for row in _still(session, targets) if (row["pid"], row["backend_start"], row["state_change"]) in wanted}


def _still(session: PostgresSession, targets: List[ClientSession]) -> List[Dict[str, Any]]:
    return session.rows(_STILL, ([target.pid for target in targets],))


def _signal(session: PostgresSession, function: str, target: ClientSession) -> bool:
    told = {"pid": target.pid, "backend_start": target.backend_start, "state_change": target.state_change, "state": target.state}
    return bool(session.value(_SIGNAL.format(function=function), told))


def _read(row: Mapping[str, Any]) -> ClientSession:
    return ClientSession(
        pid=row["pid"],
        database=row["datname"] or "",
        username=row["usename"] or "",
        application=row["application_name"] or "",
        client=row["client"] or LOCAL,
        state=row["state"],
        superuser=bool(row["rolsuper"]),
        backend_start=row["backend_start"],
        state_change=row["state_change"],
        state_seconds=row["state_seconds"],
        transaction_seconds=row["transaction_seconds"],
    )
