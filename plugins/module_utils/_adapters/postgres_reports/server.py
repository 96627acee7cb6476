# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server itself, its databases and its settings."""

from __future__ import annotations

from typing import Any, Dict

from ..._core.postgres_report_values import hidden_setting, hit_percent, wraparound_percent
from ..._core.postgres_values import version_text
from .reader import Reader

_SERVER = """
SELECT current_database() AS database, pg_encoding_to_char(d.encoding) AS encoding, d.datcollate AS collation, pg_is_in_recovery() AS in_recovery,
  pg_postmaster_start_time() AS started_at, extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())::float8 AS uptime_seconds,
  clock_timestamp() AS at, current_setting('data_checksums') = 'on' AS data_checksums, current_setting('wal_level') AS wal_level,
  pg_has_role(current_user, 'pg_monitor', 'USAGE') AS sees_everything
FROM pg_catalog.pg_database AS d WHERE d.datname = current_database()
"""
# The size of a database is told to those who may connect to it, or read all statistics.
_DATABASES = """
SELECT d.datname AS name, pg_get_userbyid(d.datdba) AS owner, d.datallowconn AS allows_connections, d.datconnlimit AS connection_limit,
  CASE WHEN has_database_privilege(d.oid, 'CONNECT') OR pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') THEN pg_database_size(d.oid) END AS size_bytes,
  coalesce(s.numbackends, 0) - (d.datname = current_database())::int AS connections, coalesce(s.xact_commit, 0) AS commits, coalesce(s.xact_rollback, 0) AS rollbacks,
  coalesce(s.blks_read, 0) AS blocks_read, coalesce(s.blks_hit, 0) AS blocks_hit, coalesce(s.temp_files, 0) AS temp_files,
  coalesce(s.temp_bytes, 0) AS temp_bytes, coalesce(s.deadlocks, 0) AS deadlocks, coalesce(s.conflicts, 0) AS conflicts,
  s.checksum_failures, s.stats_reset AS statistics_since, age(d.datfrozenxid) AS transaction_age, mxid_age(d.datminmxid) AS multixact_age, {collation}
FROM pg_catalog.pg_database AS d LEFT JOIN pg_catalog.pg_stat_database AS s ON s.datid = d.oid ORDER BY 5 DESC NULLS LAST, 1
"""
# An image of another distribution brings other sorting rules, and indexes that do not fit them.
_COLLATION = "coalesce(d.datcollversion <> pg_database_collation_actual_version(d.oid), false) AS collation_changed"
_FIRST_WITH_COLLATION = 150000
_SETTINGS = """
SELECT name, setting, coalesce(unit, '') AS unit, source, coalesce(sourcefile, '') AS file, pending_restart,
  CASE WHEN context = 'internal' THEN setting ELSE coalesce(current_setting(name, true), setting) END AS value
FROM pg_catalog.pg_settings
WHERE pending_restart OR source NOT IN ('default', 'override', 'client', 'session')
  OR name IN ('fsync', 'full_page_writes', 'autovacuum', 'track_counts', 'track_activities') ORDER BY name
"""
_SAFETY = ("fsync", "full_page_writes", "autovacuum", "track_counts", "track_activities")
_OVERRULING = ("command line", "environment variable")
_MAY_READ_FILES = """
SELECT has_table_privilege('pg_catalog.pg_file_settings', 'SELECT') AND has_function_privilege('pg_catalog.pg_show_all_file_settings()', 'EXECUTE') AS may
"""
_FILES = """
SELECT sourcefile AS file, sourceline AS line, coalesce(name, '') AS name, coalesce(setting, '') AS setting, applied, coalesce(error, '') AS error
FROM pg_catalog.pg_file_settings ORDER BY seqno
"""


def server(reader: Reader) -> Dict[str, Any]:
    return {"version": version_text(reader.version), "version_number": reader.version, **reader.row(_SERVER)}


def databases(reader: Reader) -> Dict[str, Any]:
    collation = _COLLATION if reader.version >= _FIRST_WITH_COLLATION else "false AS collation_changed"
    rows = reader.rows(_DATABASES.format(collation=collation))
    for row in rows:
        row["hit_percent"] = hit_percent(row["blocks_hit"], row["blocks_read"])
        row["wraparound_percent"] = wraparound_percent(row["transaction_age"], row["multixact_age"])
    return {"total": len(rows), "total_bytes": sum(row["size_bytes"] or 0 for row in rows), "databases": rows}


def settings(reader: Reader) -> Dict[str, Any]:
    """What differs from the built-in values, what waits for a restart, and what the files hold that the server does not go by."""
    rows = reader.rows(_SETTINGS)
    readable = bool(reader.row(_MAY_READ_FILES)["may"])
    files = reader.rows(_FILES) if readable else []
    waiting = {row["name"]: row["setting"] for row in files}  # the last one of a name is the one that counts
    # What the command line overrules waits for nothing: a restart does not bring it either.
    pending = [row for row in rows if row["pending_restart"] and row["source"] not in _OVERRULING]
    # Of what waits, and of what is overruled, the server says that it could not be applied.
    harmless = {row["name"] for row in rows if row["pending_restart"] or row["source"] in _OVERRULING}
    values = {row["name"]: hidden_setting(row["name"], row["value"]) for row in rows}
    return {
        "files_readable": readable,
        "pending_restart": [
            {"name": row["name"], "value": values[row["name"]], "new_value": hidden_setting(row["name"], waiting.get(row["name"], ""))}
            for row in pending
        ],
        "file_errors": [
            {"name": row["name"], "file": row["file"], "line": row["line"], "error": row["error"]}
            for row in files
            if row["error"] and row["name"] not in harmless
        ],
        "changed": [
            {"name": row["name"], "value": values[row["name"]], "source": row["source"], "file": row["file"]}
            for row in rows
            if row["source"] not in ("default", "override", "client", "session")
        ],
        "safety": {row["name"]: row["setting"] == "on" for row in rows if row["name"] in _SAFETY},
    }

