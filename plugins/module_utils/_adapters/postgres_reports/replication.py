# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who takes the server's log, what is kept for them, and how far behind they are."""

from __future__ import annotations

from typing import Any, Dict, List

from ..._core.postgres_progress import progress_of
from .reader import Reader

# Where the log ends: on a replica, what it received.
_END = "CASE WHEN pg_is_in_recovery() THEN coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) ELSE pg_current_wal_lsn() END"
_STATE = f"""
SELECT CASE WHEN pg_is_in_recovery() THEN 'replica' ELSE 'primary' END AS role, ({_END})::text AS lsn,
  current_setting('wal_level') AS wal_level, current_setting('synchronous_standby_names') AS synchronous_names,
  coalesce((SELECT setting::bigint FROM pg_catalog.pg_settings WHERE name = 'max_slot_wal_keep_size'), -1) AS slot_limit_mb
"""
_SENDERS = f"""
SELECT s.pid, coalesce(s.application_name, '') AS application, coalesce(s.usename, '') AS username, coalesce(host(s.client_addr), 'local') AS client,
  coalesce(s.state, 'hidden') AS state, coalesce(s.sync_state, '') AS sync_state, coalesce(l.slot_name::text, '') AS slot,
  pg_wal_lsn_diff({_END}, s.sent_lsn)::bigint AS unsent_bytes, pg_wal_lsn_diff({_END}, coalesce(s.replay_lsn, s.flush_lsn))::bigint AS lag_bytes,
  extract(epoch FROM coalesce(s.replay_lag, s.flush_lag))::float8 AS lag_seconds
FROM pg_catalog.pg_stat_replication AS s LEFT JOIN pg_catalog.pg_replication_slots AS l ON l.active_pid = s.pid ORDER BY 2, 1
"""
# Columns that a version does not have are null this way.
_SLOTS = f"""
SELECT s.slot_name::text AS name, s.slot_type AS type, coalesce(s.database, '') AS database, s.active, s.temporary, coalesce(s.wal_status, '') AS wal_status,
  pg_wal_lsn_diff({_END}, s.restart_lsn)::bigint AS retained_bytes, s.safe_wal_size AS safe_bytes,
  coalesce(to_jsonb(s) ->> 'invalidation_reason', '') AS invalidation_reason, (to_jsonb(s) ->> 'inactive_since')::timestamptz AS inactive_since
FROM pg_catalog.pg_replication_slots AS s ORDER BY 7 DESC NULLS LAST, 1
"""
_ARCHIVER = """
SELECT current_setting('archive_mode') <> 'off' AS enabled, archived_count AS archived, failed_count AS failed, last_archived_time AS last_archived_at,
  last_failed_time AS last_failed_at, coalesce(last_failed_wal, '') AS last_failed_wal,
  coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false) AS failing
FROM pg_catalog.pg_stat_archiver
"""
_REPLICA = """
SELECT pg_last_wal_receive_lsn()::text AS received_lsn, pg_last_wal_replay_lsn()::text AS replayed_lsn, pg_is_wal_replay_paused() AS replay_paused,
  coalesce(pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()), 0)::bigint AS unreplayed_bytes, pg_last_xact_replay_timestamp() AS replayed_until,
  CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
    ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8 END AS replay_lag_seconds,
  coalesce((SELECT status FROM pg_catalog.pg_stat_wal_receiver LIMIT 1), 'stopped') AS receiver,
  (SELECT extract(epoch FROM clock_timestamp() - last_msg_receipt_time)::float8 FROM pg_catalog.pg_stat_wal_receiver LIMIT 1) AS silent_seconds,
  EXISTS (SELECT FROM pg_catalog.pg_settings WHERE name = 'primary_conninfo' AND setting <> '') AS streams
"""
_OPERATIONS = ("vacuum", "analyze", "create_index", "cluster", "basebackup", "copy")
_PROGRESS = """
SELECT '{operation}' AS operation, to_jsonb(p) AS told, CASE WHEN d.datname = current_database() THEN n.nspname || '.' || c.relname END AS relation,
  coalesce(d.datname::text, '') AS database, extract(epoch FROM clock_timestamp() - a.query_start)::float8 AS seconds
FROM pg_catalog.pg_stat_progress_{operation} AS p LEFT JOIN pg_catalog.pg_database AS d ON d.oid = (to_jsonb(p) ->> 'datid')::oid
  LEFT JOIN pg_catalog.pg_class AS c ON c.oid = (to_jsonb(p) ->> 'relid')::oid LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = p.pid
"""
_VIEWS = "SELECT name FROM unnest(%(names)s::text[]) WITH ORDINALITY AS w(name, place) WHERE to_regclass('pg_catalog.pg_stat_progress_' || name) IS NOT NULL ORDER BY place"


def replication(reader: Reader) -> Dict[str, Any]:
    state = reader.row(_STATE)
    return {
        **state,
        "senders": reader.rows(_SENDERS),
        "slots": reader.rows(_SLOTS),
        "archiver": reader.row(_ARCHIVER),
        "replica": reader.row(_REPLICA) if state["role"] == "replica" else {},
    }


def progress(reader: Reader) -> Dict[str, Any]:
    """Long operations of the whole server that tell how far they are."""
    known = [row["name"] for row in reader.rows(_VIEWS, {"names": list(_OPERATIONS)})]
    rows: List[Dict[str, Any]] = reader.rows(" UNION ALL ".join(_PROGRESS.format(operation=operation) for operation in known))
    return {"total": len(rows), "operations": [progress_of(row) for row in rows]}
