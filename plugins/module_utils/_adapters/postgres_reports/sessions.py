# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions of clients: how many there are, what they do, and who waits for whom."""

from __future__ import annotations

from typing import Any, Dict

from ..._core.postgres_locks import lock_report
from ..._core.sql_statement import normalised
from .reader import Reader, listed, total

_LONGEST_TEXT = 4000  # of a statement; what is cut off within a text is hidden with it
_AGE = "extract(epoch FROM clock_timestamp() - {})::float8"
_LIMITS = "SELECT name, setting::int FROM pg_catalog.pg_settings WHERE name IN ('max_connections', 'superuser_reserved_connections', 'reserved_connections')"
# Background workers are other backend types; a session that this role may not see has no type at all.
_CLIENTS = "backend_type = 'client backend' OR backend_type IS NULL AND usesysid IS NOT NULL AND datid IS NOT NULL"
_BY_STATE = f"""
SELECT coalesce(state, CASE WHEN backend_type IS NULL THEN 'hidden' ELSE 'starting' END) AS state, count(*) AS sessions
FROM pg_catalog.pg_stat_activity WHERE ({_CLIENTS}) AND pid <> pg_backend_pid() GROUP BY 1 ORDER BY 2 DESC, 1
"""
_BY_CLIENT = f"""
SELECT coalesce(datname, '') AS database, coalesce(usename, '') AS username, coalesce(application_name, '') AS application,
  coalesce(host(client_addr), CASE WHEN backend_type IS NULL THEN '' ELSE 'local' END) AS client, count(*) AS sessions,
  count(*) FILTER (WHERE state = 'active') AS active, count(*) FILTER (WHERE state = 'idle') AS idle,
  count(*) FILTER (WHERE state LIKE 'idle in transaction%%') AS idle_in_transaction
FROM pg_catalog.pg_stat_activity WHERE ({_CLIENTS}) AND pid <> pg_backend_pid()
GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC, 1, 2, 3, 4 LIMIT %(limit)s
"""
_LONGEST = f"""
SELECT coalesce(max({_AGE.format("state_change")}) FILTER (WHERE state LIKE 'idle in transaction%%'), 0) AS longest_idle_in_transaction_seconds,
  coalesce(max({_AGE.format("xact_start")}), 0) AS longest_transaction_seconds
FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
"""
_ABOUT = f"""
a.pid, coalesce(a.datname, '') AS database, coalesce(a.usename, '') AS username, coalesce(a.application_name, '') AS application,
coalesce(host(a.client_addr), 'local') AS client, coalesce(a.state, '') AS state, {_AGE.format("a.state_change")} AS state_seconds,
{_AGE.format("a.xact_start")} AS transaction_seconds, CASE WHEN a.state = 'active' THEN {_AGE.format("a.query_start")} END AS statement_seconds,
coalesce(a.wait_event_type, '') AS wait_type, coalesce(a.wait_event, '') AS wait_event, left(a.query, {_LONGEST_TEXT}) AS statement
"""
# pg_blocking_pids stops all locking for a moment, so it is asked only about those who wait for a lock.
_ACTIVITY = f"""
SELECT {_ABOUT}, CASE WHEN a.wait_event_type = 'Lock' THEN pg_blocking_pids(a.pid) ELSE '{{}}' END AS blocked_by, count(*) OVER () AS total
FROM pg_catalog.pg_stat_activity AS a
WHERE a.backend_type = 'client backend' AND a.pid <> pg_backend_pid() AND a.state IS NOT NULL AND a.state <> 'idle'
ORDER BY a.xact_start NULLS LAST, a.pid LIMIT %(limit)s
"""
_LOCKS = f"""
WITH waiting AS MATERIALIZED (
  SELECT pid, pg_blocking_pids(pid) AS blocked_by FROM pg_catalog.pg_stat_activity WHERE wait_event_type = 'Lock' AND pid <> pg_backend_pid()
), involved AS (SELECT pid FROM waiting UNION SELECT unnest(blocked_by) FROM waiting), wanted AS MATERIALIZED (
  SELECT DISTINCT ON (l.pid) l.pid, l.locktype, l.mode, (to_jsonb(l) ->> 'waitstart')::timestamptz AS waitstart,
    CASE WHEN c.oid IS NOT NULL THEN n.nspname || '.' || c.relname ELSE '' END AS relation
  FROM pg_catalog.pg_locks AS l LEFT JOIN pg_catalog.pg_database AS d ON d.datname = current_database()
    LEFT JOIN pg_catalog.pg_class AS c ON c.oid = l.relation AND l.database = d.oid LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  WHERE NOT l.granted ORDER BY l.pid
)
SELECT i.pid AS number, {_ABOUT}, coalesce(a.backend_type, '') AS backend, coalesce(w.blocked_by, '{{}}') AS blocked_by,
  coalesce(l.locktype, '') AS lock, coalesce(l.mode, '') AS mode, coalesce(l.relation, '') AS relation,
  CASE WHEN w.pid IS NOT NULL THEN {_AGE.format("coalesce(l.waitstart, a.query_start)")} END AS waiting_seconds
FROM involved AS i LEFT JOIN waiting AS w USING (pid) LEFT JOIN pg_catalog.pg_stat_activity AS a USING (pid) LEFT JOIN wanted AS l USING (pid)
ORDER BY i.pid
"""
_PREPARED = f"""
SELECT gid AS name, database, owner, prepared AS prepared_at, {_AGE.format("prepared")} AS age_seconds, count(*) OVER () AS total
FROM pg_catalog.pg_prepared_xacts ORDER BY prepared LIMIT %(limit)s
"""


def connections(reader: Reader) -> Dict[str, Any]:
    """Our own session is not counted: it is gone when anybody reads this."""
    limits = {row["name"]: row["setting"] for row in reader.rows(_LIMITS)}
    reserved = limits["superuser_reserved_connections"] + limits.get("reserved_connections", 0)
    by_state = reader.rows(_BY_STATE)
    used = sum(row["sessions"] for row in by_state)
    usable = limits["max_connections"] - reserved
    return {
        "used": used,
        "max_connections": limits["max_connections"],
        "reserved": reserved,
        "free": max(0, usable - used),
        "used_percent": round(used / usable * 100, 1),
        "hidden": sum(row["sessions"] for row in by_state if row["state"] == "hidden"),
        "by_state": by_state,
        "by_client": reader.rows(_BY_CLIENT),
        **reader.row(_LONGEST),
    }


def activity(reader: Reader) -> Dict[str, Any]:
    rows = reader.rows(_ACTIVITY)
    return {"total": total(rows, "total"), "sessions": [_shown(row) for row in listed(rows, "total")]}


def locks(reader: Reader) -> Dict[str, Any]:
    found = lock_report([_shown(row) for row in reader.rows(_LOCKS)], reader.limit)
    prepared = reader.rows(_PREPARED)
    return {**found, "prepared_total": total(prepared, "total"), "prepared": listed(prepared, "total")}


def _shown(row: Dict[str, Any]) -> Dict[str, Any]:
    return {**row, "statement": normalised(row["statement"])}

