# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counters of a server and its tables at one moment, for looking at them twice."""

from __future__ import annotations

from typing import Any, Dict

from .reader import USER_SCHEMA, Reader

_DATABASE = """
SELECT extract(epoch FROM clock_timestamp())::float8 AS moment, coalesce(d.stats_reset::text, '') AS statistics_since, d.xact_commit AS commits,
  d.xact_rollback AS rollbacks, d.blks_read AS blocks_read, d.blks_hit AS blocks_hit, d.tup_returned AS rows_scanned, d.tup_fetched AS rows_fetched,
  d.tup_inserted AS rows_inserted, d.tup_updated AS rows_updated, d.tup_deleted AS rows_deleted, d.temp_bytes, d.deadlocks,
  CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint END AS log_bytes
FROM pg_catalog.pg_stat_database AS d WHERE d.datname = current_database()
"""
_TABLES = f"""
SELECT n.nspname AS schema, c.relname AS name, c.oid::bigint AS oid, pg_stat_get_numscans(c.oid) AS sequential_scans,
  pg_stat_get_tuples_returned(c.oid) AS rows_read_sequentially, coalesce(i.scans, 0) AS index_scans, pg_stat_get_tuples_inserted(c.oid) AS inserts,
  pg_stat_get_tuples_updated(c.oid) AS updates, pg_stat_get_tuples_deleted(c.oid) AS deletes
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  LEFT JOIN (SELECT indrelid, sum(pg_stat_get_numscans(indexrelid))::bigint AS scans FROM pg_catalog.pg_index GROUP BY 1) AS i ON i.indrelid = c.oid
WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND {USER_SCHEMA}
"""


def counters(reader: Reader) -> Dict[str, Any]:
    return {"database": reader.row(_DATABASE), "tables": {row.pop("oid"): row for row in reader.rows(_TABLES)}}
